// Command structure checks that imports go one way, that no package, file, function or
// interface is too large, and that CONTRIBUTING.md lists the packages as their doc
// comments describe them.
//
//	go run ./scripts/structure            print the table of sizes, then what breaks a rule
//	go run ./scripts/structure -write     write the table of packages in CONTRIBUTING.md
//
// The rules are in rules.go. The exit code is 1 if one is broken.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("structure", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "root of the module")
	write := flags.Bool("write", false, "write the table of packages in "+contributing)
	if err := flags.Parse(args); err != nil {
		return 2
	}
	tree, err := read(*root)
	if err == nil && *write {
		err = writeContributing(*root, tree)
	}
	if err != nil {
		fmt.Fprintln(stderr, "structure:", err)
		return 2
	}
	printSizes(stdout, tree, rules, exceptions)
	broken := check(*root, tree)
	for _, line := range broken {
		fmt.Fprintln(stderr, "structure:", line)
	}
	if len(broken) > 0 {
		return 1
	}
	return 0
}

// check returns a line for each rule that the module in the folder root breaks.
func check(root string, tree *tree) []string {
	return slices.Concat(
		checkRules(tree, rules),
		checkImports(tree, rules),
		checkUsers(tree, users),
		checkSizes(tree, exceptions),
		checkContributing(root, tree),
	)
}
