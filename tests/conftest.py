"""Keep out of the summary what Keras and pandas warn of and a reader cannot mend."""


def pytest_configure(config):
    for text in "__array__ implementation doesn't accept a copy", "Pyarrow will become":
        config.addinivalue_line(
            "filterwarnings", f"ignore:\\s*{text}:DeprecationWarning"
        )
