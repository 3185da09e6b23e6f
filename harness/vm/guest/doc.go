// Package guest is what a virtual machine runs: Init, as process 1, executes the
// commands of a Job and hands out their results, which this package also reads on
// the host.
//
// There are two serial ports. ttyS0 is the console, where Init prints its markers.
// Over ttyS1 go chunks of files that grow while a command runs, and at the end a
// frame with the output of all commands and all files below OutDir.
package guest
