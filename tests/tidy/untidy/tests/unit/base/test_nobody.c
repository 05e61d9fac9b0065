// Read by check_tree.py only: nobody builds it.
