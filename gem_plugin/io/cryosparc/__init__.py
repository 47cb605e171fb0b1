"""Files of CryoSPARC: .cs, .csg, job folders."""
