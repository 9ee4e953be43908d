package kubernetes

// established is what connections did that were open when a policy forbade them.
type established struct{ survived, cut int }

func (e established) verdict() string {
	switch {
	case e.survived > 0 && e.cut > 0:
		return "some do"
	case e.survived > 0:
		return "yes"
	case e.cut > 0:
		return "no"
	}
	return ""
}
