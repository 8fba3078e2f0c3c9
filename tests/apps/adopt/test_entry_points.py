"""Where an entry point stands, and what of a README's command lines is filled in."""

from pathlib import Path

import pytest

from reprise_kit.apps.adopt import arguments, entry_points, imports, readme_code
from reprise_kit.apps.adopt.imports import Module
from reprise_kit.compare.python27 import find_interpreter

KERAS = [("keras.models", 0, ["load_model"])]
DEMO = Module(imports=KERAS, calls=["load_model", "predict"], strings=["../data/x.npy", "weights.h5"], main=True)
MODULES = {
    "src/demo.py": DEMO,
    "train.py": Module(imports=KERAS, calls=["fit"], main=True),
    "other.py": Module(main=True),
    "tool/__main__.py": Module(),
    "src/tool.py": Module(),
    "lib/inner/__main__.py": Module(),
}
PATHS = ["src/demo.py", "src/weights.h5", "data/x.npy", "train.py", "other.py", "model.json"]


@pytest.mark.parametrize(
    ("command", "stands"),
    [
        ("python demo.py x.png", "cd src && python demo.py x.png"),
        ("python src/demo.py", "python src/demo.py"),
        ("cd src && python demo.py", "cd src && python demo.py"),
        ("KERAS_BACKEND=theano python3 demo.py", "cd src && KERAS_BACKEND=theano python3 demo.py"),
        ("python nowhere.py", "python nowhere.py"),
    ],
)
def test_a_script_in_a_folder_is_run_from_there(command: str, stands: str) -> None:
    assert entry_points.standing(command, MODULES) == stands


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("python train.py & python client.py", "train.py"),
        ("cd src; python -u demo.py", "src/demo.py"),
        ("python -m src.demo", "src/demo.py"),
        ("python -m tool train --epochs 2", "tool/__main__.py"),
        ("cd src && python -m tool", "src/tool.py"),
        ("cd lib && python -m inner ask", "lib/inner/__main__.py"),
        ("python -m inner ask", "lib/inner/__main__.py"),
        ("echo 1 | python demo.py", "src/demo.py"),
        ("ls train.py", None),
    ],
)
def test_the_file_that_a_command_line_runs(command: str, path: str | None) -> None:
    assert entry_points.script(command, MODULES) == path


def test_the_scripts_that_call_what_makes_a_model() -> None:
    modules = imports.Modules.of({
        "viz.py": Module(imports=[("net", 0, ["build"])], main=True),
        "net.py": Module(imports=KERAS, calls=["Sequential"]),
        "plot.py": Module(main=True),
    })  # fmt: skip
    commands = ["python viz.py", "python plot.py", "python viz.py --again", "python nowhere.py", "python net.py"]
    assert entry_points.callers(commands, ["net.py"], modules) == ["viz.py"]


def test_of_what_a_program_is_told_to_do_predicting_comes_first() -> None:
    readme = "".join(f"    python -m tool {word} --rows 2\n" for word in ("check", "train", "predict"))
    assert entry_points.find([readme], MODULES, PATHS)[-4] == "python -m tool predict --rows 2"


def test_a_command_of_several_lines_is_one() -> None:
    readme = "```\n$ python train.py \\\n    --rows 2 \\ \n  --size 3\npython other.py\n```\n"
    assert list(entry_points.commands_of(readme)) == ["python train.py --rows 2 --size 3", "python other.py"]


@pytest.mark.parametrize(
    ("packages", "command"),
    [
        (["src/net/", "src/"], "python -m src.net.run"),
        (["src/net/"], "cd src && python -m net.run"),
        ([], "python src/net/run.py"),  # Python 2 runs no module of a folder that is no package
    ],
)
def test_what_imports_relative_to_its_package_is_run_as_a_module(packages: list[str], command: str) -> None:
    imported = [*KERAS, ("", 1, ["layers"])]
    modules = {"src/net/run.py": Module(imports=imported, calls=["predict"], main=True), "src/net/layers.py": Module()}
    paths = [*modules, *(f"{folder}__init__.py" for folder in packages)]
    assert entry_points.find([], modules, paths) == [command]
    assert entry_points.script(command, modules) == "src/net/run.py"


def test_what_predicts_with_keras_comes_first_and_from_where_its_files_lie() -> None:
    assert entry_points.find([], MODULES, PATHS)[0] == "cd src && python demo.py"
    assert entry_points.find([], MODULES, PATHS)[-1] == "python other.py"
    readme = "    $ python demo.py <model.json> <image>\n"
    assert "cd src && python demo.py model.json <image>" in entry_points.find([readme], MODULES, PATHS)


@pytest.mark.parametrize(
    ("named", "command"),
    [
        ("../nets/coder", "cd src && python run.py"),  # + ".h5", as the program says elsewhere
        ("nets/coder", "python src/run.py"),
        ("other", "python src/run.py"),  # a module's name is no file that it opens
    ],
)
def test_a_file_is_named_without_its_ending_too(named: str, command: str) -> None:
    modules = {"src/run.py": Module(imports=KERAS, calls=["predict"], strings=[named], main=True)}
    assert entry_points.find([], modules, [*modules, "src/other.py", "nets/coder.h5"]) == [command]


@pytest.mark.parametrize(
    ("wanted", "ends"),
    [
        ([("model", "Path to model definition json", "")], "drive.py model.json"),
        (
            [("--model", "path to trained model", ""), ("--image", "path to input", "")],
            "drive.py --model net.h5 --image in/a.png",
        ),
        ([("--output_dir", "where the model goes", "")], "drive.py --output_dir <output_dir>"),
        ([("image", "", "")], "drive.py in/a.png"),
        ([("speed", "an integer", "")], "drive.py <speed>"),
        (
            [("speed", "", "1"), ("--model", "", "vgg"), ("-results", "of the images", "")],
            "drive.py 1 --model vgg -results results",
        ),
        ([], "drive.py"),
    ],
)
def test_what_a_command_line_must_be_given_is_a_file_of_the_kind_that_it_names(wanted: list, ends: str) -> None:
    module = Module(imports=KERAS, calls=["load_model"], arguments=wanted, main=True)
    paths = ["drive.py", "in/a.png", "net.h5", "model.json"]
    assert entry_points.find([], {"drive.py": module}, paths) == [f"python {ends}"]
    assert entry_points.find(["    python drive.py 7\n"], {"drive.py": module}, paths) == ["python drive.py 7"]
    assert entry_points.find(["    python drive.py\n"], {"drive.py": module}, paths) == [f"python {ends}"]


@pytest.mark.parametrize(
    ("others", "ends"),
    [
        ({"options.py": {"calls": ["add_argument"], "arguments": [("image", "", "")]}}, "drive.py in/a.png"),
        ({"options.py": {"calls": ["add_argument"], "arguments": [("image", "", "")], "main": True}}, "drive.py"),
        ({name: {"calls": ["add_argument"], "arguments": [("image", "", "")]} for name in ("options.py", "nets.py")},
         "drive.py"),
    ],
)  # fmt: skip
def test_a_command_line_may_be_read_by_another_file(others: dict, ends: str) -> None:
    """By one that the script imports; not by one that is a program itself, nor by one of several."""
    imported = [*KERAS, ("options", 0, ["read"]), ("nets", 0, [])]
    modules = {"drive.py": Module(imports=imported, calls=["load_model"], main=True)}
    modules |= {name: Module(**given) for name, given in others.items()}
    assert f"python {ends}" in entry_points.find([], modules, [*modules, "in/a.png"])


README = """# Nets

```python
>>> from nets import Net
>>> Net().predict()
array([1])
```
words
```bash
pip install nets
```
```py
Net().predict(2)
```
- in a list

  ```python
  from __future__ import print_function
  for x in (1, 2):
      Net().predict(x)
  ```
- what its reader is to write

```python
Net().predict(<yours>)
```
"""


def test_a_library_is_used_as_its_readme_shows(tmp_path: Path) -> None:
    code = readme_code.scripts({"README.md": README, "docs/readme.md": README, "readme.py": README})
    assert list(code) == ["README.md.py"]
    lines = [
        "from __future__ import print_function",
        "from nets import Net",
        "Net().predict()",
        "Net().predict(2)",
        "for x in (1, 2):",
        "    Net().predict(x)",
    ]
    assert [line for line in code["README.md.py"].split("\n")[1:] if line] == lines
    modules = imports.parse(code | {"nets.py": "import keras\n"})
    assert entry_points.find([README], modules, ["nets.py"]) == ["python README.md.py"]
    assert entry_points.find([README], imports.parse(code), []) == [], "it uses somebody else's"
    (tmp_path / "README.md").write_text(README)
    readme_code.write(tmp_path)
    assert (tmp_path / "README.md.py").read_text() == code["README.md.py"]


@pytest.mark.parametrize(
    ("block", "is_code"),
    [
        ("from nets import Net\nprint Net().predict()", True),
        ("x = 1", True),
        (">>> Net()", True),
        ("python train.py", False),
        ("loss: 0.5", False),
        ("{'a': 1}", False),
        ("nets.py\ntrain.py", False),
    ],
)
def test_a_block_without_a_language_is_python_where_it_reads_as_that(block: str, is_code: bool) -> None:
    assert bool(readme_code.scripts({"README.md": f"```\n{block}\n```\n"})) == is_code
    assert not readme_code.scripts({"README.md": f"```sh\n{block}\n```\n"})


def test_blocks_of_other_languages_are_passed_over_whole() -> None:
    text = "```{r setup}\nx = 1\n```\nThen\n``` python title=a\ny = 2\n```\nand ```z = 3``` and\n```{.py}\nw = 4\n```\n"
    assert readme_code.scripts({"README.md": text})["README.md.py"].split("\n")[1:5] == ["y = 2", "", "w = 4", ""]


def test_a_list_of_numbers_is_a_value_and_no_placeholder():
    assert arguments.PLACEHOLDER.search("a.py --layers [64,32,16,8] --lr [0.1, -2]") is None
    for blank in ("[image]", "[options]", "[]", "<model>", "[64,...]"):
        assert arguments.PLACEHOLDER.search(f"a.py {blank}"), blank


@pytest.mark.parametrize(
    ("shown", "run"),
    [
        ("drive.py --mode train --size <size>", "drive.py --mode train"),  # the program has a size of its own
        ("drive.py --size=<size> --mode train", "drive.py --mode train"),
        ("drive.py --speed <speed>", "drive.py --speed <speed>"),  # demanded, and no file
        ("drive.py --weights <path>", "drive.py --weights net.h5"),
        ("drive.py <path to image> [options] [--nice]", "drive.py in/a.png"),
        ("drive.py <words>", "drive.py <words>"),
        ("drive.py -w /path/to/best_weights.hdf5 --mode train", "drive.py --mode train"),  # none is there
        ("drive.py -w /path/to/best_weights.h5 -i /path/to/image/or/video", "drive.py -w net.h5 -i in/a.png"),
    ],
)
def test_what_a_readme_leaves_open_is_left_out_or_filled_in(shown: str, run: str) -> None:
    module = Module(imports=KERAS, calls=["load_model", "add_argument"], arguments=[("--speed", "", "")], main=True)
    paths = ["drive.py", "in/a.png", "net.h5"]
    assert entry_points.find([f"    python {shown}\n"], {"drive.py": module}, paths) == [f"python {run}"]
    undeclared = Module(imports=KERAS, calls=["load_model"], main=True)
    command = "python drive.py --size <size>"
    assert entry_points.find([f"    {command}\n"], {"drive.py": undeclared}, paths) == [command]


@pytest.mark.parametrize("interpreter", [None, find_interpreter()])
def test_a_file_that_only_defines_is_no_entry_point(interpreter: Path | None) -> None:
    defines = "import keras\nSIZE = 3\ndef answer(model):\n    return model.predict(SIZE)\n"
    sources = {"util.py": defines, "ask.py": f"{defines}answer(keras.models.load_model('m.h5'))\n"}
    modules = imports.parse(sources, interpreter)
    assert entry_points.find([], modules, list(sources)) == ["python ask.py"]
    assert "python util.py" in entry_points.find(["    python util.py\n"], modules, list(sources)), "its README says so"


def test_one_command_of_each_script_is_tried_before_the_same_with_other_words() -> None:
    module = Module(imports=KERAS, calls=["load_model"], main=True)
    readme = """
    python a.py "one song" (or python b.py for two)
    python a.py 'another song'
    python a.py serve
    python b.py songs/c.wav
    """
    found = entry_points.find([readme], {"a.py": module, "b.py": module}, [])
    assert found == [
        'python a.py "one song"',
        "python a.py serve",
        "python b.py songs/c.wav",
        "python a.py 'another song'",
    ]


def test_copies_of_a_script_come_after_what_else_there_is() -> None:
    copies = {f"simulation{k}/run.py": DEMO for k in range(5)}
    other = {"encode.py": Module(imports=KERAS, calls=["load_model"], main=True)}
    found = entry_points.find([], {**copies, **other}, [])
    assert found[:2] == ["python simulation0/run.py", "python encode.py"]


def test_a_command_on_another_device_is_the_same_command() -> None:
    readme = "    python train.py\n    THEANO_FLAGS=device=gpu,floatX=float32 python train.py\n    python src/demo.py\n"
    found = entry_points.find([readme], {**MODULES, "train.py": DEMO}, PATHS)
    assert found == ["python src/demo.py", "python train.py", "python other.py"]


def test_an_argument_that_a_comments_sign_cuts_is_no_argument() -> None:
    assert list(entry_points.commands_of("Run `python generator.py [# of epochs]`\n")) == ["python generator.py"]
    assert list(entry_points.commands_of("    python a.py <b> [c]  # twice\n")) == ["python a.py <b> [c]"]


@pytest.mark.parametrize(
    ("code", "is_server"),
    [
        ("from flask import Flask\napp = Flask('a')\n@app.route('/')\ndef home(): pass\napp.run()\n", True),
        ("from flask import Flask\nfrom keras.models import load_model\nload_model('a.h5').predict([0])\n", False),
        ("from http.server import HTTPServer\nfrom own import Handler\nHTTPServer(('', 1), Handler)\n", True),
        ("import flask, socketio\napp = flask.Flask('a')\n@app.route('/')\ndef home(): pass\n", False),
    ],
)
def test_a_server_is_what_has_routes_of_its_own(code: str, is_server: bool) -> None:
    modules = imports.Modules(imports.parse({"app.py": code}))
    assert entry_points.serving("python app.py", modules) == ["app.py"] * is_server
    assert entry_points.serving("python app.py & python client.py", modules) == []
