# Uses numpy's linear algebra, Fourier transform and polynomials.
# expect: OK
import numpy as np

def transform(grid):
    assert np.allclose(np.linalg.inv(np.eye(40) * 2), np.eye(40) / 2)
    assert np.allclose(np.fft.ifft2(np.fft.fft2(grid)).real, grid)
    assert np.linalg.matrix_rank(np.ones((200, 200)) @ np.ones((200, 200))) == 1
    return grid
