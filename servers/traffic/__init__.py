"""Data traffic of servers: reading it, keeping it, and making figures, charts and forecasts of it."""
