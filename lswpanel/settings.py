"""All settings of lswpanel. Every knob is an environment variable that `.env.example` documents.

Without DATABASE_URL the panel runs on one machine: SQLite and its secrets live in DATA_DIR and are made on the
first start (`starting.py`; reading the settings makes nothing). With it, several machines may share the database, so
the secrets have to be given to each of them.
The panel refuses to start unsafe; `checks.py` and the raises below say what to change.
"""

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from lswpanel import environment, logs, queues

BASE_DIR = environment.ROOT
DATA_DIR = (BASE_DIR / (environment.text("DATA_DIR") or "data")).resolve()
DATABASE_URL = environment.supported_database("DATABASE_URL", environment.optional_secret("DATABASE_URL"))
SINGLE_MACHINE = not DATABASE_URL
DEBUG = False
DEMO = environment.boolean("DEMO")

# --- Where the panel is reached --------------------------------------------------------------------------------
PORT = environment.integer("PORT", 8000, at_least=1, at_most=65535)
_public = environment.origin("PUBLIC_URL", f"http://localhost:{PORT}")
PUBLIC_URL = _public.geturl()
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
HTTPS = _public.scheme == "https"
if not HTTPS and _public.hostname not in ("localhost", "127.0.0.1", "::1"):
    raise ImproperlyConfigured("PUBLIC_URL must start with https:// for every host but localhost.")
ALLOWED_HOSTS = [environment.host_of(_public)] if HTTPS else list(LOCAL_HOSTS)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
BIND = environment.text("BIND") or "127.0.0.1"
if not (HTTPS or environment.is_loopback(BIND) or environment.boolean("BEHIND_LOOPBACK")):
    raise ImproperlyConfigured(
        f"BIND is {BIND}, where others can listen in on plain http: give PUBLIC_URL an https:// address, or set "
        "BEHIND_LOOPBACK=on if this is a container whose port is published on 127.0.0.1 only."
    )
TRUSTED_PROXY_COUNT = environment.integer("TRUSTED_PROXY_COUNT", 0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
if HTTPS:
    if not TRUSTED_PROXY_COUNT:
        raise ImproperlyConfigured(
            "PUBLIC_URL is https://, which a reverse proxy has to speak for the panel: set TRUSTED_PROXY_COUNT to the "
            "number of proxies in front, 1 for a single nginx or Caddy."
        )
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Secrets ---------------------------------------------------------------------------------------------------
KEY_FOLDER = DATA_DIR / "keys"
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "AUDIT_KEYS", "CHECKPOINT_KEY")
_made_in = KEY_FOLDER if SINGLE_MACHINE else None
SECRET_FILES = {name: path for name in SECRETS if (path := environment.secret_file(name, _made_in))}
for _name in ("DATABASE_URL", "EMAIL_HOST_PASSWORD"):
    if _path := environment.secret_file(_name):
        SECRET_FILES[_name] = _path
SECRET_KEY = environment.secret("SECRET_KEY", folder=_made_in)
ENCRYPTION_KEYS = environment.secret("ENCRYPTION_KEYS", folder=_made_in)
AUDIT_KEYS = environment.secret("AUDIT_KEYS", folder=_made_in)
CHECKPOINT_KEY = environment.secret("CHECKPOINT_KEY", folder=_made_in)

# --- Leaseweb --------------------------------------------------------------------------------------------------
LEASEWEB_API_URL = environment.text("LEASEWEB_API_URL", "https://api.leaseweb.com/cloud/v2")
CALL_BUDGET_PER_MINUTE = environment.integer("CALL_BUDGET_PER_MINUTE", 600 if DEMO else 240, at_least=10)
TRUST_503 = environment.boolean("TRUST_503", True)
# Durations of the job engine are divided by this; rehearsals and tests run faster, production keeps 1.
TIME_SCALE = environment.number("TIME_SCALE", 1.0)

# --- Applications ----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "lswpanel.apps.PanelConfig",
    "jobs.apps.JobsConfig",
    "servers.apps.ServersConfig",
    "teams.apps.TeamsConfig",
    "audit.apps.AuditConfig",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "lucide",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",  # the templates of widgets
]
MIDDLEWARE = [
    "lswpanel.middleware.request_id",
    "lswpanel.middleware.security_headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "lswpanel.middleware.forwarded_proto",
    "django.middleware.security.SecurityMiddleware",
    "lswpanel.middleware.refuse_malformed",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lswpanel.middleware.private_pages",
    "lswpanel.middleware.own_time_zone",
    "lswpanel.middleware.turned_away",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "lswpanel.urls"
WSGI_APPLICATION = "lswpanel.wsgi.application"
FORCE_SCRIPT_NAME = ""
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lswpanel.context.page",
            ],
            "builtins": ["django.templatetags.static", "lswpanel.templatetags.icons"],
        },
    }
]
FORM_RENDERER = "lswpanel.forms.PanelFormRenderer"

# --- Database, cache, broker -----------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        DATABASE_URL or f"sqlite:///{DATA_DIR / 'lswpanel.sqlite3'}", conn_max_age=60, conn_health_checks=True
    )
}
DATABASE_FILE = None
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A server that is not there keeps a request waiting for seconds, not for minutes.
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5, **DATABASES["default"].get("OPTIONS", {})}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASE_FILE = BASE_DIR / DATABASES["default"]["NAME"]
    # mode=rw: a path that is wrong is an error, not a new and empty database; `manage.py prepare` makes the file.
    DATABASES["default"]["NAME"] = f"{DATABASE_FILE.as_uri()}?mode=rw"
    # IMMEDIATE and WAL: feasible under concurrent writers. FULL: a click is on disk before we say that it is kept.
    # recursive_triggers: without it REPLACE would step past the triggers that protect the audit trail.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        " PRAGMA journal_size_limit=27103364; PRAGMA recursive_triggers=ON;",
    }
# A PostgreSQL with fsync=off is refused, except where nothing has to be kept, as in tests.
UNSAFE_POSTGRES = environment.boolean("UNSAFE_POSTGRES")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Throttles must survive a flush of the broker, so the cache is a table of the database.
# Large, because a full one drops entries, and with them the counters of failed sign-ins.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "lswpanel_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

CELERY_BROKER_URL = environment.text("BROKER_URL", "redis://localhost:6379/0")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
# A worker that is told no queue takes from both; the supervisor and compose start one for each.
CELERY_TASK_QUEUES = {
    name: {"exchange": name, "routing_key": name} for name in (queues.READINGS, queues.SENDS)
}
CELERY_TASK_DEFAULT_QUEUE = queues.READINGS
CELERY_TASK_ROUTES = {name: {"queue": queues.SENDS} for name in ("jobs.tasks.submit_job", "jobs.tasks.tick")}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Ringing is a hint: a broker that is away costs a click a fraction of a second, not the library's six (G1, G6).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "health_check_interval": 25,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_BEAT_SCHEDULE = {"tick": {"task": "jobs.tasks.tick", "schedule": 2.0, "options": {"expires": 2}}}
if DEMO:
    CELERY_BEAT_SCHEDULE["demo"] = {
        "task": "lswpanel.tasks.demo_keep_moving",
        "schedule": 25.0,
        "options": {"expires": 20},
    }

# --- Accounts --------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "teams.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "teams.account_forms.LoginForm",
    "reauthenticate": "teams.account_forms.ReauthenticateForm",
    "change_password": "teams.account_forms.ChangePasswordForm",
    "reset_password": "teams.account_forms.ResetPasswordForm",
    "reset_password_from_key": "teams.account_forms.ResetPasswordKeyForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
# "key" is address and account together (see the adapter): a stranger's tries lock nobody else out.
ACCOUNT_RATE_LIMITS = {"login_failed": "100/h/ip,10/m/ip,5/15m/key"}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
WEB_THREADS = environment.integer("WEB_THREADS", 8, at_least=1)
PASSWORD_HASHERS = ["teams.passwords.PanelPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "teams.accounts.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
EMAIL_HOST = environment.text("EMAIL_HOST")
EMAIL_PORT = environment.integer("EMAIL_PORT", 587, at_least=1)
EMAIL_HOST_USER = environment.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = environment.optional_secret("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = environment.boolean("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL", "lswpanel@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"

# --- Browser ---------------------------------------------------------------------------------------------------
SESSION_ENGINE = "teams.sessions"
SESSION_COOKIE_AGE = 24 * 3600
# Browsers share the cookies of localhost between its ports, hence between panels.
_cookie = "__Host-{}" if HTTPS else f"{{}}-{_public.port or 80}"
SESSION_COOKIE_NAME = _cookie.format("session")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_NAME = _cookie.format("csrf")
DEVICE_COOKIE_NAME = _cookie.format("device")
MESSAGE_COOKIE_NAME = _cookie.format("messages")
MESSAGE_STORAGE = "lswpanel.messages.PanelStorage"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "lswpanel.views.csrf_failure"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600 if HTTPS else 0
# Both bind other names than the panel's own, and the list of browsers is left in months only, so they are a wish.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS and environment.boolean("HSTS_PRELOAD")
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz/$", r"^static/"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "report-uri": "/csp-report/",
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS = ["lswpanel.forms.RefuseUploads"]

# --- Language, time, files, logs -------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = (BASE_DIR / (environment.text("STATIC_ROOT") or DATA_DIR / "static")).resolve()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LOGGING = logs.configuration(
    level=environment.choice("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"),
    form=environment.choice("LOG_FORMAT", "text", "json"),
)
# TLS ends at the proxy or not at all (localhost), and HSTS for other names is a wish; the deploy check cannot know.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"] + (
    [] if HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
)
