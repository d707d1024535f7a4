/* Runs a fuzz target over the files of a folder, so that gcc builds and ctest replay the corpus
 * too. */
#include <glib.h>

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    g_autoptr(GDir) dir = argc > 1 ? g_dir_open(argv[1], 0, NULL) : NULL;
    const char *name;
    unsigned count = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        g_autofree char *data = NULL;
        gsize size = 0;

        if (!g_file_get_contents(path, &data, &size, NULL))
            continue;
        (void)LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        count++;
    }
    printf("%u inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
