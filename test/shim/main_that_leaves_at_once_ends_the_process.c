/* link: -pthread */
/* options: interval=1h,start=off */
/*
 * A main that allocates nothing, creates no thread and calls pthread_exit: the
 * process ends, although a thread of ours would wait for its time.
 */
#include <pthread.h>
#include <unistd.h>

int
main(void)
{
	alarm(30);
	pthread_exit(NULL);
}
