# normotion in a container that needs no network once it is built.
#   docker build -t normotion .
#   docker run --rm --network none -v "$PWD:/project" normotion run clip.mp4 --out out
FROM python:3.12-slim-bookworm AS build

# Where packages come from is the builder's choice: pip reads these two by itself.
ARG PIP_INDEX_URL=""
ARG PIP_EXTRA_INDEX_URL=""
# A build for the CPU, where an index has one, is smaller by gigabytes: TORCH=torch==2.13.0+cpu
ARG TORCH="torch==2.13.0"
ARG EXTRAS="pose,pipeline,tracking,orchestrate,export"

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/normotion
WORKDIR /source
# torch first and by itself, and so in a layer that survives changes of the code.
COPY constraints.txt ./
RUN /opt/normotion/bin/pip install -c constraints.txt "${TORCH}"
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY normotion ./normotion
COPY stages ./stages
COPY pipelines ./pipelines
RUN /opt/normotion/bin/pip install -c constraints.txt ".[${EXTRAS}]"

FROM python:3.12-slim-bookworm

# DVC and the lineage of figures ask git. No version: the base's own is the one that fits it.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && useradd --uid 10001 --create-home normotion
COPY --from=build /opt/normotion /opt/normotion

# Nothing about the machine or its data is sent anywhere, and nothing is looked for on a network.
ENV PATH=/opt/normotion/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=true \
    DVC_NO_ANALYTICS=true \
    MLFLOW_DISABLE_TELEMETRY=true \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT=false \
    HF_HUB_OFFLINE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba

USER 10001
WORKDIR /project
# It runs one command and ends; there is no service whose health could be asked.
HEALTHCHECK NONE
ENTRYPOINT ["normotion"]
CMD ["--help"]
