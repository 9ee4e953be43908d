//go:build !linux

package compose

func inNetns(int, func() error) error { return errNoOutside }
