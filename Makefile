# The front door. `make compare` sets everything up and runs the main job; `make test` runs the tests.
# PYTHON: the interpreter (3.11-3.13) that .venv is made from.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
ARGS ?=
SAY_EVERY ?= 5

.PHONY: compare test lint bench lock lock-py27 record family fuzz fuzz-migrate kills images images-save images-load verify-images clean

compare: .venv/installed
	$(BIN)/reprise compare $(ARGS)

test: .venv/installed-dev
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/vulture

bench: .venv/installed-dev
	$(BIN)/python -m tests.bench $(ARGS)

# Traces of the live original for original/deepsound_crnn/recorded (needs Python 2.7, ffmpeg and upstream).
record: .venv/installed
	$(BIN)/reprise compare --reference python27 --decoder ffmpeg --out report-recorded
	for d in report-recorded/traces/*/; do n=original/deepsound_crnn/recorded/theano/$$(basename "$$d"); \
	  mkdir -p "$$n" && cp "$$d"reference/trace.* "$$n/"; done

# Some 3000 models of real Keras 1 and 2000 of Keras 2 in ./family, for REPRISE_FAMILY=family (needs g++, and PYTHON27
# and PYTHON37 with pip).
PYTHON27 ?= python2.7
PYTHON37 ?= python3.7
family: .venv/installed-dev
	$(BIN)/python -m tests.port.keras_legacy.family.run family --python27 $(PYTHON27) --python37 $(PYTHON37) $(ARGS)

# Random graphs of real old Keras, migrated and compared; goes on where it was stopped. PYTHON27 as for the family.
fuzz-migrate: .venv/installed-dev
	$(BIN)/python -m tests.port.keras_legacy.generator --python27 $(PYTHON27) $(ARGS)

# Changed files of every kind through every reader; goes on where it was stopped (tests/fuzz).
fuzz: .venv/installed-dev
	$(BIN)/python -m tests.fuzz $(or $(FOLDER),fuzz-out) $(ARGS)

# Commands stopped at random moments (SIGKILL, Ctrl-C) and begun again; goes on where it was stopped (tests/kills).
kills: .venv/installed-dev
	$(BIN)/python -m tests.kills $(or $(FOLDER),kills-out) $(ARGS)

# New versions for the locks (the only target that resolves anything).
lock: .venv/installed-dev
	$(BIN)/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" -q -o requirements.lock
	$(BIN)/python -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --custom-compile-command "make lock" -c requirements.lock -q -o requirements-dev.lock

# Container images of both sides: the port's, and one for each Python 2.7 environment that a system names in its
# system.toml; `make image-NAME` makes one (image-py27-ENVIRONMENT: any lock of original/eras). What pip needs may come
# from the environment (PIP_CERT, PIP_INDEX_URL, PIP_TRUSTED_HOST), other base images too (PY27_BASE, PORT_BASE).
IMAGES := py27-theano py27-theano-keras106 py27-theano-keras122 py27-tensorflow port
BUILD_ARGS := PY27_BASE PORT_BASE PIP_CERT PIP_INDEX_URL PIP_TRUSTED_HOST OPENBLAS_CORETYPE
BUILD := DOCKER_BUILDKIT=1 docker build $(foreach a,$(BUILD_ARGS),$(if $($(a)),--build-arg $(a)))
images: $(IMAGES:%=image-%)

image-port:
	$(BUILD) -f docker/port/Dockerfile -t reprise/port .

image-py27-%: original/eras/requirements-%.lock
	$(BUILD) --platform linux/amd64 -f docker/py27/Dockerfile --target $(if $(findstring tensorflow,$*),tensorflow,theano) \
	  --build-arg ENVIRONMENT=$* -t reprise/py27-$* .

# For a machine without internet: `make images-save` here (of the images, those that are built), carry images.tar over, `make images-load` there.
ARCHIVE := images.tar
images-save:
	@trap 'kill $$! 2> /dev/null; rm -f "$(ARCHIVE).part"' EXIT; trap 'exit 130' INT TERM HUP; here=; \
	for image in $(IMAGES:%=reprise/%); do \
	  if docker image inspect "$$image" > /dev/null 2>&1; then here="$$here $$image"; \
	  else echo "not built, left out: $$image" >&2; fi; done; \
	test -n "$$here" || { echo "no image to save: make images, with a container engine that answers" >&2; exit 2; }; \
	docker save $$here > "$(ARCHIVE).part" & \
	wait $$! && mv -f "$(ARCHIVE).part" "$(ARCHIVE)"

images-load:
	docker load -i "$(ARCHIVE)"

# Once, with internet: the pinned bases, every image, each one's check; prints the table for docs/usage.md.
verify-images:
	@docker/verify-images

lock-py27: .venv/installed-dev
	$(BIN)/python original/eras/lock.py

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11-3.13 found: install one, or call make PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv .venv

# A shell that waits for what runs in front of it heeds no signal until that ends: what takes long runs behind it.
# pip says nothing while it unpacks, which takes minutes on a busy machine: how far it is, every SAY_EVERY seconds.
define install
@(while sleep $(SAY_EVERY) > /dev/null 2>&1 && kill -0 $$$$ 2> /dev/null; do \
  echo "installing: $$(du -sm .venv | cut -f1) MB in .venv so far"; done) & ticker=$$!; \
$(BIN)/pip install $(1) & pip=$$!; \
trap 'kill $$ticker $$pip 2> /dev/null' EXIT; trap 'exit 130' INT TERM HUP; wait $$pip
endef

.venv/installed: requirements.lock | .venv/bin/python
	@echo "installing the port's packages into .venv (TensorFlow is about 600 MB to fetch; 2.7 GB on disk) ..."
	$(call install,--require-hashes -r requirements.lock)
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	$(call install,--quiet --require-hashes -r requirements-dev.lock)
	@touch $@

clean:
	rm -rf .venv report report-recorded build *.egg-info
