package vm

// Keeper keeps what a guest prints and hands out while it runs, so that what
// was finished is there whatever ends the guest or this process. Console and
// Grow may be called at the same time.
type Keeper interface {
	// Begin is called before each boot of a Run: what an earlier one gave is void,
	// since the machine is booted again only where nothing of that boot counts.
	Begin() error
	// Console takes a line of the console.
	Console(line string) error
	// Grow takes what the file name, relative to OutDir, grew by at offset.
	Grow(name string, offset int64, b []byte) error
}

// keepNothing is the Keeper of a Machine that was given none.
type keepNothing struct{}

func (keepNothing) Begin() error                     { return nil }
func (keepNothing) Console(string) error             { return nil }
func (keepNothing) Grow(string, int64, []byte) error { return nil }
