# Two commands need nothing but git, make, gcc and python3:
#   make demo    find a flaky commit in a history of a small kernel
#   make test    the tests
# Then: make check (ruff, mypy, fast tests), make bench, make torture, and with real kernels: make bench-kernel, make kernel-test.

# What a caller's make hands down must not reach the makes that we start.
unexport MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES GNUMAKEFLAGS

VENV := .venv
BIN := $(VENV)/bin
JOBS := $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test check fuzz torture bench bench-kernel kernel-test setup pages lock clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'python3 3.11 or newer is needed'; exit 1; }
	@test -x $(BIN)/pip || python3 -m venv $(VENV) || { echo 'try: sudo apt-get install python3-venv'; exit 1; }
	@echo 'installing into $(VENV) (once)'
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@env -u MAKELEVEL $(BIN)/bisectsyms demo

test: setup
	@$(BIN)/pytest -n $(JOBS) --dist worksteal

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest -q -n $(JOBS) -m 'not slow'

# Readers of foreign text, each for so many seconds.
FUZZ_SECONDS := 60

fuzz: setup
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements-fuzz.lock \
		|| { echo 'atheris is not made for this python; without it: pytest tests/test_fuzz_corpus.py'; exit 1; }
	@for target in maps logs images tables reports profiles plans ledgers bisects kconfigs hosts; do $(BIN)/python -m tests.fuzz $$target $(FUZZ_SECONDS) || exit 1; done

# Hours; `make torture TORTURE='NAME --rounds 10'` runs one of them.
torture: setup
	@env -u MAKELEVEL $(BIN)/python -m tests.torture $(TORTURE)

bench: setup
	@$(BIN)/python -m benchmarks.run $(BENCH)

bench-kernel: setup
	@env -u MAKELEVEL $(BIN)/python -m benchmarks.kernel_trials $(BENCH_KERNEL)

kernel-test: setup
	@$(BIN)/python -m benchmarks.kernel_matrix $(KERNEL_MATRIX)
	@$(BIN)/python -m benchmarks.kernel_field $(KERNEL_FIELD)
	@$(BIN)/python -m benchmarks.kernel_layout $(KERNEL_LAYOUT)
	@$(BIN)/python -m benchmarks.kernel_test $(KERNEL_TEST)

# What is made of the code: schemas, docs/configs.md, the man page.
pages: setup
	@$(BIN)/python -m docs.generate

# Needs uv; the result is what `setup` installs.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group dev --extra cluster pyproject.toml \
		--no-emit-index-url --no-emit-find-links -o requirements.lock

clean:
	rm -rf $(VENV) .fuzz .mypy_cache .ruff_cache .pytest_cache dist
