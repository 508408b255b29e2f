"""`python -m rastrum_client` is the command `rastrum`."""

import sys

from rastrum_client.command import main

sys.exit(main())
