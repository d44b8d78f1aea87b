"""Keep out of the summary what a reader cannot mend, and waste no time on waiting."""

import inspect


def pytest_configure(config):
    for text in "__array__ implementation doesn't accept a copy", "Pyarrow will become":
        config.addinivalue_line(
            "filterwarnings", f"ignore:\\s*{text}:DeprecationWarning"
        )


def pytest_collection_modifyitems(items):
    """Start the processes of test_scripts.py first, and look at their ends last."""

    def place(item):
        waits = "processes" in inspect.signature(item.function).parameters
        return 2 if waits else item.path.name != "test_scripts.py"

    items.sort(key=place)
