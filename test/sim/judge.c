/*
 * judge [-c|-r]: reads subjects as `simulate` prints them and prints a verdict
 * a line; -c adds the clues, -r prints the worst of each process only. A thin
 * way to libanalyzer, without arithmetic of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../analyzer/verdict.h"
#include "../../analyzer/verdict_clues.h"

#define POINTS 128
#define BINS 64

static struct point points[POINTS];
static struct age_bin ages[BINS];

static void
say_clues(const struct subject *subject)
{
	struct evidence e;
	const struct growth *g;
	double clues[CLUE_COUNT];

	evidence_gather(subject, &(struct verdict_settings){ -1, 0 }, &e);
	g = e.counted ? &e.objects : &e.bytes;
	if (!g->moves)
		return;
	clues_of(&e, g, clues);
	printf("clues %d %.2f", e.survivors.known, clues_weigh(&e, clues));
	for (int i = 0; i < CLUE_COUNT; i++)
		printf(" %s=%.4g", clue_name(i), clues[i]);
	printf("\n");
}

int
main(int argc, char **argv)
{
	char line[256], name[128] = "", kind[16] = "";
	struct subject subject = { 0 };
	double truth = 0;
	int retained = 0;
	bool wants_clues = argc > 1 && strcmp(argv[1], "-c") == 0;
	bool wants_worst = argc > 1 && strcmp(argv[1], "-r") == 0;
	char worst_name[128] = "";
	struct verdict worst = { 0 };

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct point *point = &points[subject.count];
		struct age_bin *age = &ages[subject.age_count];
		double seconds;

		if (sscanf(line, "subject %127s %15s", name, kind) == 2) {
			subject = (struct subject){ .points = points,
						    .ages = ages,
						    .alloc_bytes = -1,
						    .alloc_objects = -1,
						    .free_bytes = -1,
						    .free_objects = -1 };
		} else if (sscanf(line, "truth %lf", &truth) == 1) {
			continue;
		} else if (sscanf(line, "facts %lu %lf %d",
				  &subject.sample_bytes, &subject.tracked_s,
				  &retained) == 3) {
			subject.is_retained = retained != 0;
		} else if (sscanf(line, "totals %ld %ld %ld %ld",
				  &subject.alloc_bytes, &subject.alloc_objects,
				  &subject.free_bytes,
				  &subject.free_objects) == 4) {
			continue;
		} else if (subject.count < POINTS &&
			   sscanf(line, "point %lf %ld %ld", &seconds,
				  &point->bytes, &point->objects) == 3) {
			point->time_ns = (uint64_t)(seconds * 1e9);
			subject.count++;
		} else if (subject.age_count < BINS &&
			   sscanf(line, "age %lf %lf %ld %ld", &age->min_s,
				  &age->max_s, &age->bytes,
				  &age->objects) == 4) {
			subject.age_count++;
		} else if (strcmp(line, "end\n") == 0) {
			struct verdict v;

			verdict_of(&subject,
				   &(struct verdict_settings){ -1, 0 }, &v);
			if (wants_worst) {
				if (worst_name[0] == '\0' ||
				    verdict_compare(&v, &worst) < 0) {
					worst = v;
					snprintf(worst_name, sizeof(worst_name),
						 "%s", name);
				}
				continue;
			}
			printf("%s %s %s %.3f %.6g %.6g %.6g %.6g %.3g %.3f "
			       "%.6g %.1f\n",
			       name, kind, verdict_name(v.kind), v.confidence,
			       v.bytes_per_hour, v.bytes_per_hour_low,
			       v.bytes_per_hour_high, v.objects_per_hour,
			       v.trend_p, verdict_suspicion(&subject), truth,
			       (double)(points[subject.count - 1].time_ns -
					points[0].time_ns) /
				       1e9);
			if (wants_clues)
				say_clues(&subject);
		} else if (strcmp(line, "process\n") == 0) {
			printf("%s %s %.3f %.6g\n", worst_name,
			       verdict_name(worst.kind), worst.confidence,
			       worst.bytes_per_hour);
			worst_name[0] = '\0';
		} else {
			fprintf(stderr, "judge: cannot read: %s", line);
			return 2;
		}
	}
	return 0;
}
