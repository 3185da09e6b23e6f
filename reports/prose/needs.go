package prose

import (
	"text/template/parse"
)

// needs walks a sentence.
type needs struct {
	book             *Book
	values, included map[string]bool
}

func (n *needs) sentence(name string) {
	if t := n.book.sentences.Lookup(name); t != nil && t.Tree != nil {
		n.list(t.Root, true)
	}
}

// list walks nodes. Top is true where the dot is still the values, which it is
// not within range and with.
func (n *needs) list(l *parse.ListNode, top bool) {
	if l == nil {
		return
	}
	for _, node := range l.Nodes {
		switch node := node.(type) {
		case *parse.ActionNode:
			n.pipe(node.Pipe, top)
		case *parse.IfNode:
			n.branch(&node.BranchNode, top, top)
		case *parse.RangeNode:
			n.branch(&node.BranchNode, top, false)
		case *parse.WithNode:
			n.branch(&node.BranchNode, top, false)
		case *parse.TemplateNode:
			n.pipe(node.Pipe, top)
			if !n.included[node.Name] {
				n.included[node.Name] = true
				n.sentence(node.Name)
			}
		}
	}
}

func (n *needs) branch(b *parse.BranchNode, top, inside bool) {
	n.pipe(b.Pipe, top)
	n.list(b.List, inside)
	n.list(b.ElseList, top)
}

func (n *needs) pipe(p *parse.PipeNode, top bool) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			switch arg := arg.(type) {
			case *parse.FieldNode:
				if top {
					n.values[arg.Ident[0]] = true
				}
			case *parse.VariableNode:
				if arg.Ident[0] == "$" && len(arg.Ident) > 1 {
					n.values[arg.Ident[1]] = true
				}
			case *parse.PipeNode:
				n.pipe(arg, top)
			}
		}
	}
}
