"""What is here besides tests: the program that `test_fuzz` starts, and what it imports."""

collect_ignore = ["fuzz_reader.py", "lies.py"]
