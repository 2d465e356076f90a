// Command shape tells the shape of the tree: files, lines, functions and comments of each package, and the longest
// functions. It reads Go sources alone, tests and generated files left out.
//
//	go run -C test ./shape [-longest 25] ..
package main

import (
	"flag"
	"fmt"
	"os"
	"text/tabwriter"
)

func main() {
	longest := flag.Int("longest", 25, "how many of the longest functions to list")
	flag.Parse()
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	packages, err := Read(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "files\tlines\tfuncs\tmedian\tp90\tlongest\tcomments\t package\n")
	var all []Func
	for _, p := range packages {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%.0f %%\t %s\n", p.Files, p.Lines, len(p.Funcs),
			p.Quantile(50), p.Quantile(90), p.Quantile(100), 100*p.CommentShare(), p.Dir)
		all = append(all, p.Funcs...)
	}
	_ = w.Flush()
	fmt.Println("\nThe longest functions:")
	for i, f := range Longest(all) {
		if i == *longest {
			break
		}
		fmt.Printf("%5d  %s\n", f.Lines, f.Name)
	}
}
