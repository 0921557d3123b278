"""What only Windows shows. Under its own Python, which may run under Wine (`tests.wine` sees to that):

    python -m pytest tests/windows

with `tests/windows/standin` first on PYTHONPATH where PyTorch is not to be loaded.
"""
