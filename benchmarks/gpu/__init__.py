"""What bench_gpu.py measures, a file a part."""
