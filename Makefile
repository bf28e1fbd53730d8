# make demo    an answer on the bundled clip, from nothing but Python, gcc and make
# make demo VIDEO=my.mp4   gets the model `everyday` and answers on your own film; FROM='FILE…' where there is no network
# make test    everything the tests need, then the tests
# make test-runtime   the run side's tests in an environment that has only the run side and pytest
# make check   the longer gate: sanitizers, slow tests, the wheel in an empty environment, every kernel for every GPU,
#              the kernel tests in the second environment, the run side's tests in the third, and the real weights of
#              the model `everyday`, where there is a way to them
# make bench   ours beside what others would use, in an environment of its own, in ten minutes: OUT=build/peers.json says
#              where to, AGAINST=old.json whether ours became slower since
# make lint    formatting, lint, types, which part imports which
# make format  applies the formatting that `make lint` asks for
# make templates  makes the graphs that `videobert get` fills anew, where the exporter or a stage has changed

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS := build,train,search,edit,kernels,tensorrt-rtx,dali,triton-server,dev
CLIP := runtime/videobert/bundled/shapes/clip.mp4
# What an installation depends on; Python sources are used in place.
INSTALL_INPUTS := pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*/*)
CPP := $(wildcard csrc/*/*.h csrc/*/*.cpp tests/csrc/*/*.cpp)
PIP_INSTALL := pip --disable-pip-version-check install -q
PIP := $(BIN)/$(PIP_INSTALL) -c constraints.txt
# In what is for tests, a module is compiled when it is first imported, and most never are. So it must be kept.
UNCOMPILED := --no-compile
unexport PYTHONDONTWRITEBYTECODE
# The second environment, for the kernels alone: see constraints-oldest.txt.
OLDEST := $(VENV)-oldest
PIP_OLDEST := $(OLDEST)/bin/$(PIP_INSTALL)
# The third environment: what a product has, and pytest.
RUN_ONLY := $(VENV)-runtime
PIP_RUN_ONLY := $(RUN_ONLY)/bin/$(PIP_INSTALL) -c constraints.txt
# The fourth environment: the peers of `make bench`.
PEERS := $(VENV)-peers
OUT ?= build/peers.json

# Which is done until a file that it depends on changes.
SANITIZERS := build/sanitized/.passed build/threads/.passed

# So many processes take the tests' files in turn; `make test WORKERS=0` runs all of them in one.
WORKERS ?= 2
# Each file stays in one process. Threads that have nothing to do sleep, as the other process's have something.
SIDE_BY_SIDE := OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive
# A process that dies ends the run: what it left undone would never be given to another.
PYTEST := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.PHONY: demo test test-runtime everyday check bench lint lint-style lint-types lint-arrows groundwork format templates clean
.DELETE_ON_ERROR:
# A name with spaces is one word to the shell.
export VIDEO

demo: $(VENV)/.installed-run
ifndef VIDEO
	$(BIN)/videobert run $(CLIP)
	@echo
	@echo "Ask about your own film: make demo VIDEO=my.mp4 gets the model everyday, once, and answers on it;"
	@echo "the same by hand: $(BIN)/videobert get everyday, then $(BIN)/videobert run my.mp4 --model everyday"
else
	@test -e "$$VIDEO" || { echo "make demo: there is no file $$VIDEO" >&2; exit 2; }
	@if $(BIN)/videobert get everyday $(if $(FROM),--from $(FROM)); then \
	  $(BIN)/videobert run "$$VIDEO" --model everyday; \
	else \
	  echo; \
	  echo "The model everyday could not be had: what is in the way stands above. Where there is no network, bring the"; \
	  echo "files that \`$(BIN)/videobert get\` lists, then: make demo VIDEO=my.mp4 FROM='FILE…'"; \
	  echo "Until then the bundled model answers, which knows a generated world of shapes: your film is out of it."; \
	  echo; \
	  $(BIN)/videobert run "$$VIDEO"; \
	fi
endif

test: $(VENV)/.installed-all
	$(SIDE_BY_SIDE) $(BIN)/python $(PYTEST) -m "not slow" --ignore tests/kernels
	$(SIDE_BY_SIDE) $(BIN)/python $(PYTEST) -m "not slow" tests/kernels

# The modeling side makes a small model first, as it would for a product; a test that needs more of it is left out.
test-runtime: $(VENV)/.installed-all $(RUN_ONLY)/.installed
	$(BIN)/python -m tests.small_model build/small-model
	VIDEOBERT_TESTS_MODEL=build/small-model $(SIDE_BY_SIDE) $(RUN_ONLY)/bin/python $(PYTEST) -m "not slow and not modeling" tests/runtime

# 4 is the machine's own lack: no network, no room. The tests that ask the model are then skipped, and say so.
everyday: $(VENV)/.installed-all
	$(BIN)/videobert get everyday || test $$? -eq 4

check: export VIDEOBERT_MODELS ?= $(CURDIR)/build/models
check: $(VENV)/.installed-all $(SANITIZERS) everyday $(OLDEST)/.installed test-runtime
	$(SIDE_BY_SIDE) $(BIN)/python $(PYTEST) -m "slow or everyday" --timeout 1200 --ignore tests/kernels
	$(SIDE_BY_SIDE) $(BIN)/python $(PYTEST) -m slow tests/kernels
	$(BIN)/python -m videobert_kernels.compile.gate
	PYTHONPATH=kernels $(SIDE_BY_SIDE) $(OLDEST)/bin/python $(PYTEST) -m "not slow" --confcutdir tests/kernels tests/kernels
	PYTHONPATH=kernels $(OLDEST)/bin/python -m videobert_kernels.compile.gate --capability 90

bench: $(PEERS)/.installed
	@mkdir -p $(dir $(OUT))
	$(PEERS)/bin/python -m benchmarks.peers $(OUT) $(BENCH)
	$(if $(AGAINST),$(PEERS)/bin/python -m benchmarks.peers.against $(AGAINST) $(OUT))

# The C++ core's tests under the sanitizers.
build/sanitized/.passed: $(CPP) CMakeLists.txt | $(VENV)/.installed-all
	$(BIN)/cmake -S . -B build/sanitized -DVIDEOBERT_BUILD_TESTS=ON -DVIDEOBERT_SANITIZE=address,undefined
	$(BIN)/cmake --build build/sanitized --parallel 2
	$(BIN)/ctest --test-dir build/sanitized --output-on-failure
	touch $@

build/threads/.passed: $(CPP) CMakeLists.txt | $(VENV)/.installed-all
	$(BIN)/cmake -S . -B build/threads -DVIDEOBERT_BUILD_TESTS=ON -DVIDEOBERT_SANITIZE=thread
	$(BIN)/cmake --build build/threads --parallel 2 --target nearest_test
	$(BIN)/ctest --test-dir build/threads --output-on-failure -R nearest
	touch $@

lint: lint-style lint-types lint-arrows

lint-style: $(VENV)/.installed-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)

lint-types: $(VENV)/.installed-all
	$(BIN)/mypy

lint-arrows: $(VENV)/.installed-all
	$(BIN)/lint-imports --no-cache --no-logo

# What is made before the tests and needs one core, for `make -j2`.
groundwork: $(VENV)/.installed-all $(OLDEST)/.installed $(RUN_ONLY)/.installed lint $(SANITIZERS)

format: $(VENV)/.installed-all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

templates: $(VENV)/.installed-all
	$(BIN)/python -m videobert_modeling.export.everyday_templates

clean:
	rm -rf $(VENV) $(OLDEST) $(RUN_ONLY) $(PEERS) build dist

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "videobert needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-run: $(INSTALL_INPUTS) | $(BIN)/python
	$(PIP) -e .
	touch $@

$(VENV)/.installed-all: $(INSTALL_INPUTS) | $(BIN)/python
	$(PIP) $(UNCOMPILED) -e '.[$(EXTRAS)]'
	touch $@ $(VENV)/.installed-run

$(OLDEST)/.installed: constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(PIP_OLDEST) $(UNCOMPILED) -c constraints-oldest.txt torch numpy pytest pytest-timeout pytest-xdist
	$(PIP_OLDEST) $(UNCOMPILED) --no-deps triton==3.6.0
	touch $@

$(RUN_ONLY)/.installed: $(INSTALL_INPUTS)
	$(PYTHON) -m venv $(RUN_ONLY)
	$(PIP_RUN_ONLY) $(UNCOMPILED) --config-settings=build-dir=build/run-only -e '.[search]' pytest pytest-timeout pytest-xdist
	touch $@

$(PEERS)/.installed: $(INSTALL_INPUTS) constraints-peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/$(PIP_INSTALL) $(UNCOMPILED) -c constraints.txt -c constraints-peers.txt --config-settings=build-dir=build/peers-core -e '.[bench]'
	touch $@
