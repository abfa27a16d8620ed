"""The two queues of the broker, with workers of their own: readings that hang keep nobody's click waiting."""

READINGS = "lswpanel"
# Sends, the readings before them, and the tick that says what is due.
SENDS = "lswpanel-sends"
