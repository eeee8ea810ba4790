"""`python -m infraprism` is the `infraprism` command."""

import sys

from infraprism.cli import main

sys.exit(main())
