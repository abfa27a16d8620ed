# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data panel && install -d -o panel /data
COPY --from=build /venv /venv
COPY manage.py /app/
COPY lswpanel /app/lswpanel
COPY audit /app/audit
COPY teams /app/teams
COPY servers /app/servers
COPY jobs /app/jobs
COPY templates /app/templates
COPY static /app/static
WORKDIR /app
# BIND tells the panel's checks what the command below does.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data STATIC_ROOT=/data/static BIND=0.0.0.0
USER panel
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 3).close()"]
CMD ["gunicorn", "lswpanel.wsgi", "--config", "python:lswpanel.gunicorn_config", "--bind", "0.0.0.0:8000", "--workers", "2"]
