package redirect

import (
	"context"
	"errors"
	"strings"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// firstAgain is how soon it is tried again after a failure; then twice that, and so on up to the usual time.
const firstAgain = time.Second

// Run keeps the rules standing until ctx ends, and leaves them standing then: the next NMI finds them, and until it serves
// pods reach nobody. What fails is told when it begins to and tried again. The error is always nil.
func (r *Redirect) Run(ctx context.Context) error {
	var told string
	for failures := 0; ; {
		err := r.Ensure(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait := r.config.Every
		if err == nil {
			failures, told = 0, ""
		} else {
			failures++
			wait = clock.Backoff(failures, firstAgain, wait)
			if text := fault.Explain(err); text != told {
				told = text
				r.config.Log.Error("pods' calls of the metadata address may not reach NMI", logkey.Error, text, logkey.Kind, fault.KindOf(err).String())
			}
		}
		if !clock.Sleep(ctx, r.config.Clock, wait) {
			return nil
		}
	}
}

// Remove takes away everything that is ours, for an uninstall: from then on pods reach the metadata service itself. It does
// so with every kind of rules the node knows, for an earlier version or the original may have used the other. What is gone
// already is as good.
func (r *Redirect) Remove(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standing.Store(false)
	if err := r.choose(ctx); err != nil {
		return err
	}
	errs := []error{r.removeFrom(ctx, r.chosen)}
	if r.tools.nft != nil && r.tools.legacy != nil {
		for _, other := range []*tool{r.tools.nft, r.tools.legacy} {
			errs = append(errs, r.removeOther(ctx, other))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.stood, r.open = false, false
	r.config.Log.Info("the rules that led pods to NMI are removed")
	return nil
}

// removeOther removes from a kind that may be in use or not: to ask for a table would make one where there is none.
func (r *Redirect) removeOther(ctx context.Context, t *tool) error {
	if t == r.chosen {
		return nil
	}
	output, err := r.run(ctx, t.save, "")
	if exited(err) {
		return nil // the kernel does not know this kind
	}
	if err != nil || !strings.Contains(output, chain) && !strings.Contains(output, guardOurs) && !strings.Contains(output, guardOnly) {
		return err
	}
	return r.removeFrom(ctx, t)
}

func (r *Redirect) removeFrom(ctx context.Context, t *tool) error {
	_, err := r.settleWith(ctx, t, func(ctx context.Context) (string, error) {
		have, err := r.rulesOf(ctx, t)
		return planRemoval(have), err
	})
	if r.family.six {
		return err
	}
	return errors.Join(err, r.closeLocalnet(ctx, t))
}
