"""Pure: from a lab, a scenario and a seed to nodes, disks, cables, checks; nothing is started."""
