# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Sphinx configuration of the documentation ("make docs").

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / 'sphinx'))

project = 'Colibri'
extensions = ['kernel_doc']
exclude_patterns = ['sphinx']
highlight_language = 'none'
html_theme = 'alabaster'
html_theme_options = {
    'description': 'A virtual compute GPU with shared virtual memory',
    'fixed_sidebar': True,
    'page_width': '70em',
}
html_sidebars = {'**': ['about.html', 'searchfield.html', 'navigation.html']}
html_show_copyright = False
html_copy_source = False
