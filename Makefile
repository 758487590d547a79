# Two commands do all: `make book` and `make test`. Both set up .venv first, from plain python3.
PYTHON ?= python3
PRESET ?= laptop
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
FRESH := book/_build/.executed-with-$(PRESET)
export ECCL_PRESET := $(PRESET)

.PHONY: book pdf test slow lint notebooks map clean

book: $(FRESH)
	$(BIN)/jupyter-book build book/ -W -n --keep-going

# The book as one PDF, book/_build/book.pdf; needs Chromium.
pdf: book
	$(BIN)/python book/print.py book/_build/book.pdf

# A file of tests stays in one process, whose fixtures its tests share.
test: $(INSTALLED)
	$(BIN)/pytest -n auto --dist loadfile

slow: $(INSTALLED)
	$(BIN)/pytest -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The text notebook is the one that is edited; this derives the .ipynb that papermill reads, without outputs.
notebooks: $(INSTALLED)
	$(BIN)/jupytext --to ipynb --update notebooks/*.md
	$(BIN)/jupyter nbconvert --clear-output --inplace --log-level WARN notebooks/*.ipynb

# The maps in README.md and book/contributing.md, from the docstrings; README.md's numbers, from book/results/.
map: $(INSTALLED)
	$(BIN)/python tests/helpers/tree_map.py
	$(BIN)/python tests/helpers/kept_numbers.py

# The notebook cache knows the notebooks' code only: when the package or the preset changes, execute anew.
# Runs and cohorts are memoised by their own configuration and stay.
$(FRESH): $(INSTALLED) $(shell find eccl -name '*.py')
	$(BIN)/jupyter-book clean --all book/
	mkdir -p $(@D) && touch $@

$(INSTALLED): constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[book,dask,dev,hub,lab,onnx,parquet]'
	$(BIN)/python -m eccl.study.lab
	touch $@

clean:
	rm -rf book/_build cohorts downloads kept runs stores
