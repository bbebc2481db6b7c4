package mic_test

// What the archived project's own tests hold, and which test here holds it. The rest of what it promises is NMI's.
//
//	a pod, an identity or a binding goes, and so does the object     TestWhatAPodNeededGoesAfterIt
//	an identity edited in place is assigned anew                     TestAnIdentityEditedInPlaceIsAssignedAnew
//	several identities of one pod, taken away in any order           TestSeveralIdentitiesOfOnePodGoOneByOne
//	forty pods over five identities                                  TestFortyPodsOverFiveIdentitiesCostOneUpdate
//	a pod's label changed                                            TestALabelChangedIsAnotherBinding
//	one of two pods on a scale set goes                              TestAScaleSetKeepsWhatOneOfItsNodesNeeds
//	detached by hand, then the pod goes                              TestAPodGoesAlsoWhenItsIdentityWasDetachedByHand
//	the system-assigned identity and foreign ones are untouched      TestWhatOthersPutThereStays
//	immutable identities and the cluster's stay                      TestIdentitiesThatAreKept
//	detached by hand while in use comes back                         TestWhatIsDetachedByHandComesBack
//	one valid and two invalid at once; invalid ones added later      TestRefusedIdentitiesWaitAlone
//	the leader ends in the middle of an update                       TestASuccessorResumesAnUpdate
//	equal names of identities and bindings in two namespaces         TestNamesThatCollide
//	identities with bad resource ids are left out                    TestIdentitiesThatCannotWork
//	an identity edited, and a second one for the same pod; batches   TestOneBatchOfEverything
//	a pod moved to another node                                      TestAPodMovedToAnotherNodeKeepsItsObject
//	two deleted and one added across a restart                       TestChangesWhileNobodyLeads
//	a removal that Azure refuses                                     TestARemovalThatFails
//	writes that the API server refuses, retried without news         TestWritesThatFailAreTriedAgain
//	forced namespaces                                                TestForcedNamespaces
//	nodes that vanish                                                TestALostNodeLeavesNothingBehind
//	twenty thousand pods                                             BenchmarkPass, BenchmarkMemory
//	provider ids                                                     TestNodesThatAreNoMachines, and those of package arm
//	more than a hundred and fifty identities                         TestManyIdentitiesGoInSeveralUpdates
//
// And what was found wrong with it by reading, with the test that would catch it here.
//
//	pods of equal names in two namespaces share no fate              TestAScaleSetKeepsWhatOneOfItsNodesNeeds
//	a lost node leaks nothing on its scale set                       TestALostNodeLeavesNothingBehind
//	nothing is ever emptied that has a system-assigned identity      TestASystemAssignedIdentityIsNeverStripped
//	an object that was given up is used again                        TestObjectsThatWereStuck
//	names that collide, names that are too long                      TestNamesThatCollide, TestNamesFitAnAPIServer (match)
//	an edit of labels resets nothing                                 TestAnEditOfMetadataResetsNothing
//	scale sets of equal names in different groups                    TestAScaleSetKeepsWhatOneOfItsNodesNeeds
//	a failed update among several loses none                         TestManyIdentitiesGoInSeveralUpdates
//	client ids in any case                                           TestIdentitiesThatAreKept
//	one missing node holds up nobody                                 TestNodesThatAreNoMachines, TestABusyMachineHoldsUpNoOther
//	finished pods hold nothing                                       TestWhatAPodNeededGoesAfterIt
