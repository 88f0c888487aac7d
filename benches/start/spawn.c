/* Starts commands in turn and says how long each took, from start to end: `spawn ROUNDS < PLAN`.
 *
 * A program of its own, because one interpreter's start of a process (its own bookkeeping, its size, its garbage) is as long as
 * what is measured. posix_spawn shares this small process's memory until the exec, so that nothing of it is in the figures.
 *
 * The plan holds a block for each command, and each line a letter and a value: `a` an argument, `e` a variable, `f` the file
 * that descriptor 3 reads, `u` a file that is removed first, `n` that only each n-th round runs it; `.` ends the block.
 *
 * Each round runs them all in another order, so that none always comes after the same one. Prints a line for each run: the
 * command's number, its exit code, its time on the wall and on the processor in nanoseconds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 };

struct command {
    char *arguments[MOST], *variables[MOST], *input, *unlinked;
    int argument_count, variable_count, every;
};

static struct command commands[MOST];

static void die(const char *why) {
    perror(why);
    exit(2);
}

static int read_plan(void) {
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    commands[0].every = 1;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        struct command *command = &commands[count];
        char *value = line[0] && line[1] ? strdup(line + 2) : NULL;
        switch (line[0]) {
        case 'a': command->arguments[command->argument_count++] = value; break;
        case 'e': command->variables[command->variable_count++] = value; break;
        case 'f': command->input = value; break;
        case 'u': command->unlinked = value; break;
        case 'n': command->every = atoi(value); break;
        case '.': commands[++count].every = 1; break;
        }
        if (command->argument_count == MOST - 1 || command->variable_count == MOST - 1 || count == MOST - 1)
            die("the plan is too long");
    }
    return count;
}

static long long nanoseconds(struct timeval time) {
    return (time.tv_sec * 1000000LL + time.tv_usec) * 1000LL;
}

static void run(int number) {
    struct command *command = &commands[number];
    struct timespec began, ended;
    struct rusage usage;
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status;

    if (command->unlinked)
        unlink(command->unlinked);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    if (command->input)
        posix_spawn_file_actions_addopen(&files, 3, command->input, O_RDONLY, 0);
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (posix_spawn(&pid, command->arguments[0], &files, NULL, command->arguments, command->variables))
        die(command->arguments[0]);
    if (wait4(pid, &status, 0, &usage) != pid)
        die("wait4");
    clock_gettime(CLOCK_MONOTONIC, &ended);
    posix_spawn_file_actions_destroy(&files);
    printf("%d %d %lld %lld\n", number, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
           (ended.tv_sec - began.tv_sec) * 1000000000LL + ended.tv_nsec - began.tv_nsec,
           nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime));
}

int main(int argc, char **argv) {
    int count = read_plan(), rounds = argc > 1 ? atoi(argv[1]) : 1, order[MOST];
    for (int i = 0; i < count; i++)
        order[i] = i;
    srand(1);
    for (int round = 0; round < rounds; round++) {
        for (int i = count - 1; i > 0; i--) {
            int other = rand() % (i + 1), moved = order[i];
            order[i] = order[other];
            order[other] = moved;
        }
        for (int i = 0; i < count; i++)
            if (round % commands[order[i]].every == 0)
                run(order[i]);
    }
    return 0;
}
