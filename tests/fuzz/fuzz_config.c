#include "fuzz.h"

#include "cli/options.h"
#include "models/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tli_cli_options options;
    char path[160];
    tl_error err = {0};
    fuzz_write(path, "run.conf", data, size);
    char *argv[] = {(char[]){"train"}, (char[]){"mnist"}, (char[]){"--config"}, path, NULL};
    const tl_status status = tli_cli_parse(TLI_CLI_TRAIN, 4, argv, &options, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    if (status == TL_OK) (void)tli_model_check(&options.settings.model, &err);
    return 0;
}
