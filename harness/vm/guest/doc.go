// Package guest runs the commands of a Job as process 1 of a virtual machine (Init),
// hands out their results, and reads them on the host.
//
// There are two serial ports, see Ports. One is the console, where Init prints its markers.
// Over the other go chunks of files that grow while a command runs, and at the end a
// frame with the output of all commands and all files below OutDir.
package guest
