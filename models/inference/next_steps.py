"""What to do next where no network answers: the ends of refusals that several share."""

READ_WITHOUT = "Read this picture without the network."
CORRECT_OR_READ = "Have the header corrected, or read this picture without the network."
