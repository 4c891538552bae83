package coverage

import "strings"

// Count counts the words of a text.
func Count(s string) map[string]int {
	words := make(map[string]int)

	// The empty text has none.
	if s == "" {
		return words
	}
	add := func(w string) { words[w]++ }
	for _, w := range strings.Fields(s) {
		switch {
		case len(w) > 100:
			// Too long for a word.
			continue
		case w == "-":
		default:
			add(strings.ToLower(w))
		}
	}
	return words
}

// Longest is the longest word, the first of several.
func Longest(s string) (longest string) {
outer:
	for _, w := range strings.Fields(s) {
		if len(w) < len(longest) {
			continue outer
		} else if len(w) == len(longest) && w > longest {
			continue
		}
		longest = w
	}
	return
}

func unused() {
	panic("never called")
}
