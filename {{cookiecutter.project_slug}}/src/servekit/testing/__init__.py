"""What the tests of any service need: fakes, fixtures, a cluster, and tests of every model.

Only tests import it. `tests/conftest.py` takes the fixtures as a plugin of pytest, and
`tests/project.py` says what is tested.
"""

import pytest

# pytest explains failed assertions only in modules that it knows before they are imported.
pytest.register_assert_rewrite(f"{__name__}.model_tests", f"{__name__}.cluster")
