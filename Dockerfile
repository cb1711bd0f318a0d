# One image for every role; PROCESS_ROLE says which part of the product a container is.
#
# Written for Docker's classic builder too, which is what CapRover drives: no RUN --mount and no
# heredocs. What goes in is named path by path, since CapRover sends its daemon the whole checkout,
# with .git, and past .dockerignore.

# Any Debian with Python 3.11 or newer and venv, wherever its python3 is.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm

FROM ${BASE_IMAGE} AS build
# 1 = with a local Whisper and its weights, for an installation without a provider's key.
ARG LOCAL_TRANSCRIBER=0
# For networks with a mirror of PyPI: pip reads them from the environment of this stage, which is
# not part of the image.
ARG PIP_INDEX_URL
ARG PIP_CERT
WORKDIR /app
COPY requirements requirements
# Wheels only, so there is nothing to compile with. pip itself stays behind in this stage.
RUN python3 -m venv /pip \
    && python3 -m venv --without-pip .venv \
    && case "$LOCAL_TRANSCRIBER" in 1) set -- -r requirements/local.txt ;; *) set -- ;; esac \
    && /pip/bin/pip --python .venv/bin/python install --disable-pip-version-check --no-input \
        --progress-bar off --no-compile --require-hashes --only-binary :all: \
        -r requirements/base.txt "$@" \
    && rm -r requirements
COPY LICENSE Procfile gunicorn.conf.py manage.py ./
COPY project project
COPY notes notes
COPY page page
COPY samples samples
# What nothing reads any more: static files are collected, we speak two languages, and of all
# services of AWS we call one.
RUN VAR_DIR=/tmp/build .venv/bin/python -B manage.py collectstatic --no-input --verbosity 0 \
        --ignore redoc \
    && .venv/bin/python -B -m whitenoise.compress --quiet staticfiles \
    && cd .venv/lib/python3*/site-packages \
    && find django drf_spectacular_sidecar ninja -type d -name static -prune -exec rm -r {} + \
    && find django -type d -path '*/locale/*' ! -name LC_MESSAGES ! -name en ! -name pt \
        ! -name pt_BR -prune -exec rm -r {} + \
    && find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name 'sso*' \
        ! -name signin -exec rm -r {} +
# Bytecode is compiled here because a read-only root cannot keep any; unchecked, since nothing
# changes afterwards.
RUN find . -name __pycache__ -prune -exec rm -r {} + \
    && .venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Baú Mental" \
    org.opencontainers.image.description="A person talks, and the note files itself." \
    org.opencontainers.image.licenses="BSD-3-Clause"
# Official images of Python come without bytecode of the standard library, which each start and each
# health check would then compile anew. /data is for what must last: mount a volume there.
RUN groupadd --gid 10001 bau \
    && useradd --uid 10001 --gid bau --no-create-home --home-dir /tmp --shell /usr/sbin/nologin bau \
    && install --directory --owner bau --group bau --mode 0750 /data \
    && python3 -m compileall -q -j 0 -x '/(test|tests|idlelib|lib2to3|tkinter|turtledemo)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VAR_DIR=/data \
    VOLUME_REQUIRED=1 \
    BAU_ALIVE_FILE=/tmp/bau-worker-alive
USER 10001:10001
EXPOSE 8000
# A worker may wait minutes for the schema that web makes (project/start.py).
HEALTHCHECK --interval=15s --timeout=5s --start-period=330s --retries=4 \
    CMD ["python", "-m", "project.health_check"]
CMD ["python", "-m", "project.start"]
