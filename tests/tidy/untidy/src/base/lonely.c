// Read by check_tree.py only: no twin, no README, and not in CMakeLists.txt.
int lonely;
