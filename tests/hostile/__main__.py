"""`python -m tests.hostile`."""

from tests.hostile.catalogue import main

raise SystemExit(main())
