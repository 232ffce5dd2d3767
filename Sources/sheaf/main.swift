import Commands

Sheaf.start()
