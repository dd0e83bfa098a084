"""`make demo`, `make demo-freeswitch`: real calls on a real switch, decided by policy, recorded, lying on the disk.
`make demo-siprec`: the same to a recording server."""
