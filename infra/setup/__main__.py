"""Sets up what parts of the tests need: `python -m infra.setup coqui`."""

import sys

from .begin import set_up_for

sys.exit(set_up_for(sys.argv[1:]))
