"""Keep out of the summary what a reader cannot mend."""


def pytest_configure(config):
    warnings = "(?s).*(__array__ imp|Pyarrow will|deprecated - use)"
    config.addinivalue_line("filterwarnings", f"ignore:{warnings}:DeprecationWarning")
