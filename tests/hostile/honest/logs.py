# Logs as in a larger program.
# expect: OK
# stdout: seen
import logging

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)

def transform(grid):
    logger.info("seen")
    return grid
