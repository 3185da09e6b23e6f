package vm

// Keeper stores what a guest prints and hands out while it runs, so that finished
// records are not lost when the guest or this process ends early. Console and Grow
// may be called at the same time.
type Keeper interface {
	// Begin is called before each boot of a Run and discards what an earlier boot
	// gave: a machine is booted again only if nothing of the earlier boot counts.
	Begin() error
	// Console takes a line of the console.
	Console(line string) error
	// Grow takes the bytes by which a file grew at offset. Its name is relative to
	// guest.OutDir.
	Grow(name string, offset int64, b []byte) error
}

// keepNothing is the default Keeper.
type keepNothing struct{}

func (keepNothing) Begin() error                     { return nil }
func (keepNothing) Console(string) error             { return nil }
func (keepNothing) Grow(string, int64, []byte) error { return nil }
