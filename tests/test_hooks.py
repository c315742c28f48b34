"""The hooks are plain Python until cookiecutter renders them, so they are imported here."""

import pytest

from hooks.post_gen_project import closing_lines, holds, rename, subtract
from hooks.pre_gen_project import complaints, folder_complaints

GOOD = {
    "project_name": "Tiny Oracle",
    "project_slug": "tiny-oracle",
    "package_name": "tiny_oracle",
    "description": "Answers.",
    "author_name": "Ada",
    "author_email": "ada@example.com",
    "sample": "language",
    "composition": False,
    "docker": True,
    "kubernetes": False,
    "_reserved": {"the name of a dependency": ["ray"]},
}


def refusals(**answers: str | bool) -> list[str]:
    return list(complaints(GOOD | answers))


def test_good_answers_pass():
    assert refusals() == []
    assert refusals(composition=True) == []
    assert refusals(sample="none") == []


def test_what_needs_the_sample_is_refused_without_it():
    assert refusals(sample="none", composition=True) == [
        "composition needs the sample: answer sample with language, or composition with no."
    ]


def test_manifests_are_refused_without_an_image():
    assert refusals(kubernetes=True) == []
    assert refusals(kubernetes=True, docker=False) == [
        "kubernetes needs the image: answer docker with yes, or kubernetes with no."
    ]


@pytest.mark.parametrize("text", ["L'Été", "R&D <i>", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 👩‍🚀", "a, b | c # d % {{e}}", "x" * 80])
def test_text_that_is_merely_unusual_passes(text):
    assert refusals(project_name=text, author_name=text, description=text) == []


@pytest.mark.parametrize("prompt", ["project_name", "description", "author_name", "author_email"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("x" * 201, "201 characters"),
        ('say "hi"', "a double quote"),
        ("a\\b", "a backslash"),
        ("`a`", "a backtick"),
        ("a\nb", "a line break"),
        ("a\tb", "U+0009"),
        ("a\x1bb", "U+001B"),
        ("a\x85b", "U+0085"),
        ("a\u2028b", "U+2028"),
        ("a\u202eb", "U+202E"),
        ("a\udc80b", "U+DC80"),
    ],
)
def test_text_that_cannot_be_written_everywhere_is_refused(prompt, text, reason):
    first = refusals(**{prompt: text})[0]
    assert first.startswith(prompt)
    assert reason in first


@pytest.mark.parametrize(
    "package",
    [
        "",
        "two words",
        "Loud",
        "9lives",
        "a-b",
        "_a",
        "a__b",
        "a_",
        "a.b",
        "a/b",
        "../a",
        "é",
        "x" * 31,
    ],
)
def test_a_package_is_lower_case_words_joined_by_underscores(package):
    assert "lower-case letters" in refusals(package_name=package)[0]


@pytest.mark.parametrize(
    "slug", ["", "a b", "A", "9a", "a_b", "-a", "a--b", "a-", ".", "..", "a/b", "/a"]
)
def test_a_slug_is_lower_case_words_joined_by_hyphens(slug):
    assert "lower-case letters" in refusals(project_slug=slug)[0]


@pytest.mark.parametrize(
    ("package", "owner"),
    [
        ("class", "a keyword of Python"),
        ("json", "a module of the standard library"),
        ("ray", "the name of a dependency"),
    ],
)
def test_a_name_that_is_taken_is_refused(package, owner):
    assert refusals(package_name=package) == [f"package_name '{package}' is already {owner}."]


def test_a_slug_may_not_name_a_dependency_either():
    assert refusals(project_slug="ray") != []


@pytest.mark.parametrize("address", ["ada", "ada@", "@example.com", "a b@c", "<a@b>", "a@b, c@d"])
def test_an_address_must_look_like_one(address):
    assert "not an e-mail address" in refusals(author_email=address)[0]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.py").touch()
    [complaint] = folder_complaints(tmp_path)
    assert "is not empty" in complaint


def test_an_empty_folder_passes(tmp_path):
    assert list(folder_complaints(tmp_path)) == []


def test_every_complaint_is_one_printable_ascii_sentence():
    told = refusals(project_slug="Ü\n", package_name="\x07", author_email="é")
    assert len(told) == 3
    assert all(sentence.isascii() and sentence.isprintable() for sentence in told)
    assert all(sentence.endswith(".") for sentence in told)


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("auth", True),
        ("cache", False),
        ("auth & metrics", True),
        ("auth&cache", False),
        ("ci=github", True),
        ("ci = gitlab", False),
        ("auth & ci=github", True),
        ("auth & ci=none", False),
        ("cache | auth", True),
        ("cache | ci=gitlab", False),
        ("cache | auth & ci=github", True),
    ],
)
def test_conditions_hold_as_they_read(condition, met):
    answers = {"auth": True, "cache": False, "metrics": True, "ci": "github"}
    assert holds(condition, answers) is met


def test_a_condition_on_an_unknown_prompt_is_an_error():
    with pytest.raises(KeyError):
        holds("typo", {"auth": True})


def test_a_declined_feature_loses_files_and_empty_folders(tmp_path):
    for path in ["features/auth/login.py", "docs/how-to/auth.md", "docs/README.md"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    paths = ["features/auth", "docs/how-to/auth.md"]
    subtract(tmp_path, {"auth": False, "_features": {"auth": paths}})
    assert list(tmp_path.rglob("*")) == [tmp_path / "docs", tmp_path / "docs/README.md"]


def test_an_accepted_feature_keeps_its_files(tmp_path):
    (tmp_path / "auth").mkdir()
    subtract(tmp_path, {"auth": True, "_features": {"auth": ["auth"]}})
    assert list(tmp_path.iterdir()) == [tmp_path / "auth"]


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        subtract(tmp_path, {"auth": False, "_features": {"auth": ["gone"]}})


def test_a_generation_closes_with_what_was_made_next_and_docs():
    assert closing_lines(GOOD | {"auth": True, "cache": False, "docker": False}) == [
        "Made: tiny-oracle, a FastAPI service on Ray Serve, with auth.",
        "Next: cd tiny-oracle && make dev",
        "Docs: tiny-oracle/README.md and tiny-oracle/docs/README.md; `make` lists the commands.",
    ]


def test_a_service_without_a_model_is_told_how_to_make_one():
    made, following, _ = closing_lines(GOOD | {"sample": "none", "docker": False})
    assert made == "Made: tiny-oracle, a FastAPI service on Ray Serve."
    assert following == "Next: cd tiny-oracle && make model NAME=churn && make dev"


NAMES = {"_names": {"Acme": "name", "acme_x": "package", "acme": "slug"}}


def test_names_change_in_paths_and_text(tmp_path):
    (tmp_path / "acme_x/acme").mkdir(parents=True)
    (tmp_path / "acme_x/acme/of_acme_x.py").write_text("import acme_x  # Acme\n")
    rename(tmp_path, NAMES | {"name": "Ölwerk", "package": "oel", "slug": "ö"})
    renamed = tmp_path / "oel/ö/of_oel.py"
    assert renamed.read_text(encoding="utf-8") == "import oel  # Ölwerk\n"


def test_a_name_that_contains_a_literal_is_put_in_once(tmp_path):
    (tmp_path / "README.md").write_text("Acme acme_x acme")
    rename(tmp_path, NAMES | {"name": "acme Acme", "package": "my_acme_x", "slug": "acme-acme"})
    assert (tmp_path / "README.md").read_text() == "acme Acme my_acme_x acme-acme"


def test_binary_files_line_endings_and_modes_are_kept(tmp_path):
    (tmp_path / "model.npz").write_bytes(b"acme\0")
    (tmp_path / "run.sh").write_bytes(b"acme\r\nacme\n")
    (tmp_path / "run.sh").chmod(0o755)
    rename(tmp_path, NAMES | {"name": "N", "package": "p", "slug": "s"})
    assert (tmp_path / "model.npz").read_bytes() == b"acme\0"
    assert (tmp_path / "run.sh").read_bytes() == b"s\r\ns\n"
    assert (tmp_path / "run.sh").stat().st_mode & 0o111
