/* The order of commands and packets within a turn of the worker. */
#include "media_world.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <sys/epoll.h>

int __real_epoll_wait(int epfd, struct epoll_event *ev, int max, int timeout);
int __wrap_epoll_wait(int epfd, struct epoll_event *ev, int max, int timeout);
void unit_media_turn(void);

/* Armed by the test; the worker says `reached` before it looks a second time, and waits for `go`.
 */
static atomic_bool armed;
static sem_t reached, go;

/* What stands on the worker's epoll set with no pointer is its command mailbox. */
int __wrap_epoll_wait(int epfd, struct epoll_event *ev, int max, int timeout)
{
    static _Thread_local bool commands_ran;
    int n;

    if (commands_ran && timeout == 0 && atomic_exchange(&armed, false)) {
        (void)sem_post(&reached);
        while (sem_wait(&go) != 0)
            ;
    }
    n = __real_epoll_wait(epfd, ev, max, timeout);
    commands_ran = false;
    for (int i = 0; i < n; i++)
        commands_ran = commands_ran || !ev[i].data.ptr;
    return n;
}

static void a_command_in_the_middle_of_a_turn_goes_first(void)
{
    struct world w;
    struct peer a, b;
    struct media_id ida, idb;
    struct media_plan plan;
    uint8_t buf[WORLD_PACKET];

    (void)sem_init(&reached, 0, 0);
    (void)sem_init(&go, 0, 0);
    world_open(&w, NULL);
    peer_open(&a);
    peer_open(&b);
    ida = world_plain(&w, &a, (struct media_id){0});
    idb = world_plain(&w, &b, ida);
    peer_expect_none(&w, &a); /* all that was posted so far has been run */
    plan_audio(&plan, 0, 0);

    atomic_store(&armed, true);
    media_leg_close(w.m, world_leg(&w, &desc_profile_plain, ida)); /* wakes the worker */
    while (sem_wait(&reached) != 0)
        ;
    media_join(w.m, ida, idb, &plan);
    peer_send(&a, 0, 7, 160);
    (void)sem_post(&go);

    g_assert_cmpuint(peer_expect(&b, buf).payload_len, ==, 160);
    world_close(&w);
    peer_close(&a);
    peer_close(&b);
    (void)sem_destroy(&reached);
    (void)sem_destroy(&go);
}

void unit_media_turn(void)
{
    g_test_add_func("/media/turn/a-command-in-the-middle-goes-first",
                    a_command_in_the_middle_of_a_turn_goes_first);
}
