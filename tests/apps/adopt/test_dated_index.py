"""The dated index on a listing of our own: by release, by wheel, by rule; and nothing but it can be reached."""

import hashlib
import io
import urllib.error
import urllib.request

import pytest
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.version import Version

from reprise_kit.apps.adopt import dated_index
from reprise_kit.apps.adopt.dated_index import DatedIndex, served
from reprise_kit.compare.errors import InputError

TAGS = frozenset(parse_tag("cp27-cp27mu-manylinux1_x86_64")) | frozenset(parse_tag("py2.py3-none-any"))


def row(filename, day, content=b""):
    sha256 = hashlib.sha256(content or filename.encode()).hexdigest()
    return {"filename": filename, "url": f"https://127.0.0.1:9/{filename}", "hashes": {"sha256": sha256},
            "upload-time": f"{day}T10:00:00Z", "requires-python": None, "yanked": False}  # fmt: skip


LISTING = {
    "thing": [
        row("thing-1.0.tar.gz", "2016-01-01"),
        row("thing-1.0-py2.py3-none-any.whl", "2016-09-01"),  # the wheel came later: still the release of January
        row("thing-1.1.tar.gz", "2016-06-01"),
        row("thing-1.2.win32-py2.7.exe", "2016-03-01"),  # no pip reads it
        row("thing-1.2.tar.gz", "2016-07-01"),
        {**row("thing-1.0.5.tar.gz", "2016-02-01"), "yanked": "broken"},
    ],
    "h5py": [
        row("h5py-2.5.0.tar.gz", "2015-04-08"),
        row("h5py-2.6.0.tar.gz", "2016-04-08"),
        row("h5py-2.6.0-cp27-cp27mu-manylinux1_x86_64.whl", "2016-07-06"),
        row("h5py-2.7.0-cp36-cp36m-manylinux1_x86_64.whl", "2017-03-18"),
    ],
    "tensorflow": [
        row("tensorflow-0.12.0-cp27-cp27mu-manylinux1_x86_64.whl", "2016-12-19"),
        row("tensorflow-0.12.1-cp27-cp27mu-manylinux1_x86_64.whl", "2016-12-24"),
        row("tensorflow-1.0.0-cp27-cp27mu-manylinux1_x86_64.whl", "2017-02-15"),
    ],
    "post-thing32": [row("post_thing32-3.2.3-2.zip", "2015-05-13"), row("post-thing32-x.tar.gz", "2015-05-13")],
    "gym": [row(f"gym-{version}.tar.gz", day) for version, day in (("0.9.4", "2017-11-01"), ("0.9.6", "2018-02-01"))],
    "setuptools": [row(f"setuptools-{version}.zip", "2018-04-28") for version in ("20.0", "39.1.0", "44.1.1")],
}


@pytest.fixture(autouse=True)
def listing(monkeypatch):
    monkeypatch.setattr(dated_index, "_listing", lambda name: LISTING.get(name, []))


def versions(name, day, tags=TAGS, **wanted):
    index = DatedIndex(day, tags, {name: SpecifierSet(spec) for name, spec in wanted.items()})
    return [str(v) for v in sorted(index.releases(name))], index


def test_a_version_with_a_hyphen_is_read_by_the_packages_name():
    found, index = versions("post-thing32", "2017-06-25")
    assert found == ["3.2.3.post2"]  # as pip calls functools32-3.2.3-2.zip, which it installed
    assert index.hashes("post_thing32", "3.2.3.post2") == [LISTING["post-thing32"][0]["hashes"]["sha256"]]


def test_a_release_is_there_from_its_first_file_on():
    found, index = versions("thing", "2016-06-15")
    assert found == ["1.0", "1.1"] and index.moved == {}
    assert len(index.releases("thing")[Version("1.0")]) == 2
    assert versions("thing", "2016-01-01")[0] == ["1.0"]


def test_before_the_first_release_comes_the_first():
    found, index = versions("thing", "2015-01-01")
    assert found == ["1.0"] and "there was none before" in index.moved["thing", "1.0"]
    assert versions("nothing", "2016-01-01")[0] == []


def test_a_package_in_c_is_taken_as_a_wheel():
    assert versions("h5py", "2016-04-09")[0] == ["2.6.0"]  # its sdist is of April, its wheel of July
    python36 = frozenset(parse_tag("cp36-cp36m-manylinux1_x86_64"))
    found, index = versions("h5py", "2016-04-09", python36)
    assert found == ["2.7.0"] and "2017-03-18" in index.moved["h5py", "2.7.0"]
    assert str(DatedIndex("2016-01-01", TAGS).nearest("h5py", SpecifierSet("==2.5.0"))) == "2.6.0"


def test_tensorflow_of_before_the_index_is_called_what_it_is():
    found, index = versions("tensorflow", "2016-10-01")
    assert found == ["0.12.1"] and "not what ran then" in index.moved["tensorflow", "0.12.1"]
    assert versions("tensorflow", "2017-03-01")[0] == ["0.12.1", "1.0.0"]


def test_tools_are_of_no_date_and_a_need_beats_the_day():
    # The older one is for what wants no newer, as TensorFlow 1.9 and 1.10 do.
    assert versions("setuptools", "2016-10-01")[0] == ["39.1.0", "44.1.1"]
    assert versions("thing", "2016-01-05", thing=">=1.1")[0] == ["1.0", "1.1"]


def test_a_release_that_does_not_work_is_passed_over_unless_it_is_asked_for():
    assert versions("gym", "2018-02-05")[0] == ["0.9.4"]
    assert versions("gym", "2018-02-05", gym="==0.9.6")[0] == ["0.9.4", "0.9.6"]


def test_what_was_not_offered_is_never_locked():
    index = versions("thing", "2016-06-15")[1]
    assert len(index.hashes("thing", "1.0")) == 2
    with pytest.raises(InputError, match="went past the index"):
        index.hashes("thing", "1.2")


def test_it_is_served_with_hashes_and_a_wrong_file_is_not(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    monkeypatch.setattr(dated_index.urllib.request, "urlopen", _opened(b"altered on the way"))
    with served(versions("thing", "2016-06-15")[1]) as at:
        url = at.url
        page = real(url + "thing/").read().decode()
        assert "thing-1.1.tar.gz" in page and "thing-1.2" not in page and "#sha256=" in page
        for path in ("unknown/", page.split('href="')[1].split("#")[0].replace("/", "../", 1)):
            with pytest.raises(urllib.error.HTTPError):
                real(url + path)
    assert not list(tmp_path.rglob("*.gz"))


real = urllib.request.urlopen


def _opened(content):
    def opened(*_, **__):
        return io.BytesIO(content)

    return opened
