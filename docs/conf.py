"""The documentation's site: ``make docs`` builds it into docs/_build/html, without a single warning."""

from importlib.metadata import version as installed_version

project = "beamheat_fw"
copyright = "beamheat_fw developers"
release = version = installed_version("beamheat_fw")

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Code blocks without a language are commands and their output, not Python.
highlight_language = "none"
exclude_patterns = ["_build"]
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "furo"
html_title = "beamheat_fw"
