package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// module is where Syncline's packages are.
const module = "github.com/synclinehq/syncline"

// build builds Syncline the way it is released, unless a program was given,
// with one difference: the vendor's published rate limit is taken out of the
// connector, since the sandbox has none and the limit programs keep none.
func (b *bench) build(ctx context.Context) error {
	if b.syncline != "" {
		return nil
	}
	overlay, err := b.unlimited(ctx)
	if err != nil {
		return err
	}
	b.syncline = filepath.Join(b.dir, "syncline")
	_, err = goTool(ctx, "build", "-overlay", overlay, "-trimpath", "-ldflags", "-s -w", "-o", b.syncline, module+"/cmd/syncline")
	return err
}

// limitWindows is the part of a connector file that names the vendor's limit.
var limitWindows = regexp.MustCompile(`(?m)^  windows:\n(?:    - .*\n)+`)

// unlimited writes an overlay for go build in which the connector has no rate
// limit.
func (b *bench) unlimited(ctx context.Context) (overlay string, err error) {
	dir, err := goTool(ctx, "list", "-f", "{{.Dir}}", module+"/connectors")
	if err != nil {
		return "", err
	}
	original := filepath.Join(dir, "dodo.yaml")
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	changed := limitWindows.ReplaceAll(text, nil)
	if len(changed) == len(text) {
		return "", errors.New("connectors/dodo.yaml has no limits.windows where they are looked for: mend bench/build.go")
	}
	replaced := filepath.Join(b.dir, "dodo.yaml")
	if err := os.WriteFile(replaced, changed, 0o644); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replaced}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(b.dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o644)
}

func goTool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}
